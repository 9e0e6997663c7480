"""What ran the bench: facts that make two tables comparable. No host names, no paths."""

import os
import platform
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from farhand import __version__


def load_average() -> str:
    """The machine's load over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def program_version(name: str, flag: str = "--version") -> str:
    """First line that a program says about its version, or `not installed`."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if path is None:
        return "not installed"
    done = subprocess.run([path, flag], capture_output=True, text=True, timeout=20, check=False)
    first = (done.stdout + done.stderr).strip().splitlines()
    return first[0].removeprefix("nginx version: ") if first else "unknown"


def facts(load_before: str) -> dict[str, Any]:
    """Everything above the table."""
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("picows", "aiofastnet", "uvloop", "msgspec"))
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Machine": f"{_cpu()}, {os.cpu_count()} cores, {_memory_gb()} GB",
        "Kernel": platform.release(),
        "Load average before / after": f"{load_before} / {load_average()}",
        "Farhand": __version__,
        "Python": f"{platform.python_version()}, {ssl.OPENSSL_VERSION}",
        "Packages": packages,
        "nginx": program_version("nginx", "-v"),
        "Chromium": program_version("chromium"),
    }
