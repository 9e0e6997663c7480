"""Importing the relay's journals: from where the last import ended, whole entries only, as often as wanted.

The files are the truth as far as the relay has acknowledged them: what stands behind that may be lost with the power of
the machine, and its numbers given to other entries. So a living session's journal is imported up to the number that the
relay told; one of a session that is over is whole. What was imported before is known by its number, so that a worker
that is killed at any step does no harm.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from django.conf import settings

from farhand.kit.ids import is_id
from farhand.kit.log import get_log
from farhand.protocol.journal import read_damaged, read_entries
from farhand.protocol.messages import Entry
from farhand.web.project.service import SYSTEM
from farhand.web.support.queries import journal_places
from farhand.web.support.worker_services import import_entries

log = get_log("worker")
READ_BYTES: Final = 4 << 20
BATCH: Final = 500


def folder() -> Path:
    """Where the relay keeps its journals."""
    return Path(settings.FARHAND_DATA) / "relay" / "journal"


def import_journal(session_id: str, durable: int) -> int:
    """Import what is new in one session's journal, up to entry number `durable`; returns how many entries."""
    if not is_id(session_id):
        return 0
    place = journal_places([session_id]).get(session_id)
    if place is None:
        log.warning("journal_of_unknown_session", session=session_id)
        return 0
    path, offset, imported = folder() / f"{session_id}.fhj", place.offset, 0
    size = _size(path)
    if size < offset:
        log.error("journal_shrunk", session=session_id, bytes=size, imported_bytes=offset)
        offset = 0
        import_entries(SYSTEM, session_id=session_id, entries=[], offset=0)
    while True:
        batch: list[Entry] = []
        end = 0
        for entry, behind in read_entries(_read(path, offset)):
            if entry.seq > durable:
                break
            batch.append(entry)
            end = behind
            if len(batch) == BATCH:
                break
        if not batch:
            return imported + _import_behind_damage(session_id, path, offset, durable)
        offset += end
        imported += import_entries(SYSTEM, session_id=session_id, entries=batch, offset=offset)


def sweep(durable: Mapping[str, int]) -> int:
    """Import what is new in every journal; returns how many entries.

    `durable` says how far the journals of the relay's sessions are on disk. A living session that is not in it waits
    until the relay tells of it; one that is over and not in it will never be appended to.
    """
    try:
        sizes = {entry.name[:-4]: entry.stat().st_size for entry in os.scandir(folder()) if entry.name.endswith(".fhj")}
    except FileNotFoundError:
        return 0
    imported = 0
    for ident, place in journal_places(list(sizes)).items():
        until = durable.get(ident, sys.maxsize if place.over else 0)
        if until and (sizes[ident] != place.offset or place.seq < until < sys.maxsize):
            try:
                imported += import_journal(ident, until)
            except Exception as error:  # noqa: BLE001  one journal that cannot be imported must not stop the others
                log.error("journal_not_imported", session=ident, error=f"{type(error).__name__}: {error}")
    return imported


def _import_behind_damage(session_id: str, path: Path, offset: int, durable: int) -> int:
    """Import whole entries that follow where none can be read: the file is damaged there, or the relay has mended it
    and what was at `offset` has moved.
    """
    place = journal_places([session_id]).get(session_id)
    known = place.seq if place else 0
    missing = known < durable < sys.maxsize  # the relay has more of it on disk
    if not missing and not any(entry.seq <= durable for entry, _, _ in read_damaged(_read(path, offset))[0]):
        return 0
    found = [(entry, end) for entry, _, end in read_damaged(_read(path, 0, -1))[0] if entry.seq <= durable]
    if not found or found[-1][0].seq <= known:
        return 0
    log.error("journal_damaged", session=session_id, offset=offset)
    imported = 0
    for begin in range(0, len(found), BATCH):
        batch = found[begin : begin + BATCH]
        entries, end = [entry for entry, _ in batch], batch[-1][1]
        imported += import_entries(SYSTEM, session_id=session_id, entries=entries, offset=end)
    return imported


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, limit: int = READ_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        return b""
