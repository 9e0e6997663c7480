"""A new process reads in the journal that the machine was told to restart."""

from farhand.agent.core.returning import Returned
from farhand.protocol.channels import Party
from farhand.protocol.messages import Entry


def entry(seq: int, kind: str, party: Party = Party.ENDPOINT) -> Entry:
    return Entry(seq=seq, time_ms=0, id="i" * 36, leg=1, party=party, subject="", name="", kind=kind)


def read(until: int, *kinds: str) -> list[int]:
    """The numbers of the entries at which it says that the machine has returned."""
    returned = Returned()
    returned.joined(until)
    return [seq for seq, kind in enumerate(kinds, 1) if returned.entry(entry(seq, kind))]


def test_it_says_so_once_when_it_has_read_all_that_was_there() -> None:
    assert read(3, "leg-joined", "power-started", "chat", "chat") == [3]
    assert read(2, "power-started", "leg-left", "leg-joined") == [2]


def test_a_restart_that_failed_or_was_told_of_is_over() -> None:
    assert read(3, "power-started", "power-failed", "chat") == []
    assert read(3, "power-started", "power-returned", "chat") == []
    assert read(2, "leg-joined", "chat") == []


def test_what_this_process_begins_is_not_of_before() -> None:
    assert read(1, "leg-joined", "power-started", "chat") == []


def test_nobody_else_can_say_it() -> None:
    returned = Returned()
    returned.joined(1)
    assert not returned.entry(entry(1, "power-started", Party.CONSOLE))
