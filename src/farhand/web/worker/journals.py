"""Importing the relay's journals: from where the last import ended, whole entries only, as often as wanted.

The files are the truth. A message about a journal only says when to look, and the sweep looks without one; what was
imported before is told by its number, so that a worker that is killed at any step does no harm.
"""

import os
from pathlib import Path
from typing import Final

from django.conf import settings

from farhand.kit.ids import is_id
from farhand.kit.log import get_log
from farhand.protocol.journal import read_entries
from farhand.protocol.messages import Entry
from farhand.web.project.service import SYSTEM
from farhand.web.support.models import Session
from farhand.web.support.worker_services import import_entries

log = get_log("worker")
READ_BYTES: Final = 4 << 20
BATCH: Final = 500


def folder() -> Path:
    """Where the relay keeps its journals."""
    return Path(settings.FARHAND_DATA) / "relay" / "journal"


def import_journal(session_id: str) -> int:
    """Import what is new in one session's journal; returns how many entries."""
    if not is_id(session_id):
        return 0
    found = Session.objects.filter(id=session_id).values_list("journal_offset", flat=True).first()
    if found is None:
        log.warning("journal_of_unknown_session", session=session_id)
        return 0
    path, offset, imported = folder() / f"{session_id}.fhj", found, 0
    while True:
        data = _read(path, offset)
        batch: list[Entry] = []
        end = 0
        for entry, behind in read_entries(data):
            batch.append(entry)
            end = behind
            if len(batch) == BATCH:
                break
        if not batch:
            return imported
        offset += end
        imported += import_entries(SYSTEM, session_id=session_id, entries=batch, offset=offset)


def sweep() -> int:
    """Import what is new in every journal; returns how many entries."""
    try:
        sizes = {entry.name[:-4]: entry.stat().st_size for entry in os.scandir(folder()) if entry.name.endswith(".fhj")}
    except FileNotFoundError:
        return 0
    known = dict(Session.objects.filter(id__in=list(sizes)).values_list("id", "journal_offset"))
    return sum(import_journal(ident) for ident, offset in known.items() if sizes[ident] != offset)


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < offset:
                offset = 0
            file.seek(offset)
            return file.read(READ_BYTES)
    except FileNotFoundError:
        return b""
