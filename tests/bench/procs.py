"""Processes of the bench: started with their parent's death in mind, ended by id; their CPU time and memory from
/proc."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from farhand.kit.process import leash

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def start(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that dies with the bench; it stands in a process group of its own."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(arguments, start_new_session=True, preexec_fn=leash(), **options)


def stop(process: subprocess.Popen[bytes] | None, within_s: float = 12.0, how: int = signal.SIGTERM) -> None:
    """End a process that `start` made, and wait for it."""
    if process is None:
        return
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def children(pid: int) -> list[int]:
    """Direct and indirect children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *children(int(child))]
    return found


def cpu_s(*pids: int) -> float:
    """CPU seconds, user and system, that these processes have used (all threads; 10 ms steps)."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) * TICK_S
    return total


def rss_kb(pid: int) -> int:
    """Resident memory in kB."""
    return _status(Path(f"/proc/{pid}/status"), "VmRSS:")


def pss_kb(pid: int) -> int:
    """Proportional set size in kB: shared pages count by their share."""
    return _status(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def _status(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0
