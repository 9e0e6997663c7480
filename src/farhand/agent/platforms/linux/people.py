"""Who sits at this Linux machine, and running something as that person.

Why it exists: a client that runs as root is asked to do things for the person at the desktop. Source of who that is:
systemd-logind, by loginctl(1), whose property output is meant for programs.
"""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from farhand.agent.core.files import read_bounded

_ANSWER_S = 5.0
_LONGEST_LIST = 64 * 1024
_DOWNLOADS = re.compile(r'^XDG_DOWNLOAD_DIR="((?:\$HOME)?/[^"\\\n]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Person:
    """An account, as programs are started for it."""

    uid: int
    gid: int
    name: str
    home: str
    display: str = ""
    """Its display, as far as the system knows it."""
    groups: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a program of this person finds, beside the display."""
        found = {
            "HOME": self.home,
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": os.environ.get("LANG") or "C.UTF-8",
        }
        run = f"/run/user/{self.uid}"
        if os.path.isdir(run):
            found |= {"XDG_RUNTIME_DIR": run, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={run}/bus"}
        return found

    @property
    def downloads(self) -> str:
        """Its folder for downloads (xdg-user-dirs), or its home folder; a real path, inside the home folder: what
        stands in a person's own file must not lead a client that runs as root elsewhere."""
        home = os.path.realpath(self.home)
        wished = os.path.join(home, "Downloads")
        with contextlib.suppress(OSError, ValueError):
            place = Path(home, ".config", "user-dirs.dirs")
            found = _DOWNLOADS.search(read_bounded(place, _LONGEST_LIST).decode() if place.is_file() else "")
            if found:
                wished = found[1].replace("$HOME", home, 1)
        real = os.path.realpath(wished)
        return real if os.path.isdir(real) and real.startswith(home.rstrip("/") + "/") else home


def person(uid: int, display: str = "") -> Person:
    """Return the account with this number. Raises KeyError."""
    entry = pwd.getpwuid(uid)
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Person(uid, entry.pw_gid, entry.pw_name, entry.pw_dir, display, groups)


def own() -> Person:
    """The account that this process runs as."""
    try:
        return person(os.geteuid())
    except KeyError:
        return Person(os.geteuid(), os.getegid(), str(os.geteuid()), "/")


def signed_in() -> Person | None:
    """The person whose session is the active one of the machine's first seat; None when there is none."""
    if os.geteuid() != 0:
        return own()
    session = _asked("show-seat", "seat0", "--property=ActiveSession").get("ActiveSession", "")
    about = (
        _asked("show-session", session, "--property=User", "--property=Display", "--property=Class") if session else {}
    )
    if about.get("Class") != "user" or not about.get("User", "").isdigit():
        return None
    with contextlib.suppress(KeyError):
        return person(int(about["User"]), about.get("Display", ""))
    return None


def _asked(*words: str) -> dict[str, str]:
    program = shutil.which("loginctl")
    if program is None:
        return {}
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=_ANSWER_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _equals, value in pairs}
