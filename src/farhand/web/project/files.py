"""Writing small files that must be whole: on disk (fsync) before their name exists. Needs no Django."""

import contextlib
import os
import secrets
from pathlib import Path


def write_once(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file unless it exists. When somebody is faster, theirs stands."""
    if path.exists():
        return
    aside = _write_aside(path, content, mode)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    _sync_folder(path.parent)


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole, replacing an older one in one step."""
    aside = _write_aside(path, content, mode)
    try:
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _write_aside(path: Path, content: bytes, mode: int) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return aside


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
