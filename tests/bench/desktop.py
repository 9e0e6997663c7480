"""A virtual display of the bench's own, and programs on it."""

import os
import shutil
import subprocess

from tests.bench import procs
from tests.bench.stage import Stage

WIDTH, HEIGHT = 1920, 1080


def require(*programs: str) -> None:
    """Raise RuntimeError unless all these programs are installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}")


def display(stage: Stage) -> str:
    """Start an Xvfb with a 1080p screen; return its name (`:n`). It takes a free number by itself."""
    require("Xvfb")
    read, write = os.pipe()
    process = procs.start(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-ac"],
        pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    stage.later(lambda: procs.stop(process))
    os.close(write)
    return number_from(read, "Xvfb")


def number_from(read: int, program: str) -> str:
    """Return the display that an X server has written to its -displayfd."""
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        raise RuntimeError(f"{program} did not start")
    return f":{number}"


def program(stage: Stage, screen: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a program on the display."""
    require(arguments[0])
    process = procs.start(
        list(arguments), env={**os.environ, "DISPLAY": screen}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stage.later(lambda: procs.stop(process))
    return process
