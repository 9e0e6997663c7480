"""What the page's thread did, by Chromium's own trace: the time of a task by the clock holds what other programs did
meanwhile, its own CPU does not.
"""

import json

TASKS = ("RunTask", "PerformMicrotaskCheckpoint")
"""A task, and what follows one outside of it."""


def task_cpu(trace: bytes) -> float:
    """Return the CPU of the longest task of any page's main thread in a trace of Chromium's, in ms."""
    events = json.loads(trace)["traceEvents"]
    named = [one for one in events if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"]
    pages = {(one["pid"], one["tid"]) for one in named}
    tasks = [one.get("tdur", 0) for one in events if one["name"].endswith(TASKS) and (one["pid"], one["tid"]) in pages]
    return float(max(tasks, default=0)) / 1000
