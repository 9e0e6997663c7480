"""What was made of a recording goes when the recording, or its session's report, has gone.

Why it exists: thumbnails and indexes stand in folders of their own (`files`), and show what the recording showed. They
must not outlive it, whoever removes it and however: a rule of retention, an administrator, a restored backup.

Rules: only folders of `reports/` are looked at, a bounded number at a time, and only those that nobody has touched for
an hour: a job may be about to fill one. What is removed can be made again. Where there is no recording at all, their
disk may be away: then nothing of a known session goes.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import Final

from django.conf import settings

from farhand.kit.log import get_log
from farhand.web.support.queries import known_sessions

log = get_log("reports")
AT_ONCE: Final = 500
"""Folders that one step looks at."""
UNTOUCHED_S: Final = 3600.0
_ASIDE: Final = re.compile(r"\..+\.[0-9a-f]{12}")
"""Files that `files.keep` was writing when it was killed."""


class Sweeper:
    """Goes round all folders, some at each step."""

    def __init__(self) -> None:
        self._after = ""

    def step(self, now_ms: int) -> int:
        """Look at the next folders, in order of their names; return how many were removed."""
        root = Path(settings.FARHAND_DATA) / "reports"
        try:
            names = sorted(name for name in os.listdir(root) if name > self._after)[:AT_ONCE]
        except OSError:
            return 0
        self._after = names[-1] if len(names) == AT_ONCE else ""
        known = known_sessions(names)
        recorded = _recorded(known)
        removed = 0
        for name in names:
            folder = root / name
            if folder.is_symlink() or not folder.is_dir() or not _untouched(folder, now_ms):
                continue
            if name in recorded:
                _clear_aside(folder, now_ms)
            else:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        if removed:
            log.info("reports_cleared", folders=removed)
        return removed


def _recorded(known: set[str]) -> set[str]:
    """Return which of these sessions have a recording; all of them where that cannot be told."""
    root = Path(settings.FARHAND_DATA) / "relay" / "recordings"
    try:
        there = set(os.listdir(root))
    except OSError:
        return known
    if not there:  # the place of a disk that is not mounted just now
        return known
    return {name for name in known & there if not _is_empty(root / name)}


def _is_empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:  # it was there a moment ago: the next round decides
        return False


def _untouched(path: Path, now_ms: int) -> bool:
    try:
        return now_ms / 1000 - path.stat(follow_symlinks=False).st_mtime > UNTOUCHED_S
    except OSError:
        return False


def _clear_aside(folder: Path, now_ms: int) -> None:
    for name in os.listdir(folder):
        if _ASIDE.fullmatch(name) and _untouched(folder / name, now_ms):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
