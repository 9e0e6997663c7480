"""Command Shells that are in a session's journal and not in its recording: who opened them, when, until when (R-187).

Shells that are opened while they are not to be recorded leave nothing but the journal's lines. A report that listed
recordings alone would look as if those shells had never been.

Rules: the journal and the frames get their times from the same relay. An endpoint's number for a shell is its channel's
instance, and begins anew with the endpoint's program: so time decides too, and a recorded shell is one shell of the
journal, no more.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from farhand.protocol.channels import Grant
from farhand.recording import cast
from farhand.web.reports.recordings import Recording

BEFORE_MS = 60_000
"""The recording may have a shell so much earlier than the journal: its line waits for the disk, or the network."""
KINDS = ("shell-opened", "shell-closed")


class Shell(msgspec.Struct, kw_only=True):
    """A shell that was not recorded; times are ms since 1970."""

    number: int
    by: str
    opened_ms: int
    closed_ms: int | None = None


def of_session(session: Any, recording: Recording | None, recorded: Sequence[cast.Shell]) -> list[Shell]:
    """Return the shells of the journal that are not among the recorded ones, in order of opening.

    While the recording is not verified to its end it is not known what it has: then there are none.
    """
    if recording is not None and not recording.known:
        return []
    told = _told(session)
    # The newest part of a recording that goes on may not be readable yet.
    fresh = recording is not None and session.ended_ms is None and session.recorded & Grant.SHELL
    until = recording.ended_ms if recording is not None and fresh else None
    known = _recorded(told, recorded)
    return [one for at, one in enumerate(told) if at not in known and (until is None or one.opened_ms < until)]


def _told(session: Any) -> list[Shell]:
    found: list[Shell] = []
    running: dict[int, Shell] = {}
    for event in session.events.filter(source="relay", kind__in=KINDS).order_by("seq"):
        number = event.data.get("shell")
        if not isinstance(number, int):
            continue
        if event.kind == "shell-opened":
            if number in running:  # its program has gone without a word, and its numbers begin anew
                running[number].closed_ms = event.time_ms
            by = event.data.get("by")
            running[number] = Shell(number=number, by=by if isinstance(by, str) else "", opened_ms=event.time_ms)
            found.append(running[number])
        elif number in running:
            running.pop(number).closed_ms = event.time_ms
    for shell in running.values():
        shell.closed_ms = session.ended_ms  # with the session, which leaves the endpoint no time to say so
    return found


def _recorded(told: Sequence[Shell], recorded: Sequence[cast.Shell]) -> set[int]:
    """Return which of the journal's shells are in the recording: nearest in time first, each with one of its own."""
    pairs = sorted(
        (abs(one.opened_ms - shell.opened_ms), at, number)
        for at, shell in enumerate(told)
        for number, one in enumerate(recorded)
        if _may_be(shell, one)
    )
    known: set[int] = set()
    used: set[int] = set()
    for _distance, at, number in pairs:
        if at not in known and number not in used:
            known.add(at)
            used.add(number)
    return known


def _may_be(shell: Shell, one: cast.Shell) -> bool:
    same = one.channel & 0xFF == shell.number & 0xFF
    begins = one.opened_ms >= shell.opened_ms - BEFORE_MS
    return same and begins and (shell.closed_ms is None or one.opened_ms <= shell.closed_ms)
