"""The relay removes the files of sessions that are over, when it is asked to."""

import threading
from pathlib import Path

from tests.unit.relay.harness import Harness
from tests.unit.relay.live.test_sessions import SHELL1, pair

from farhand.kit.ids import new_id
from farhand.protocol.bus import FilesRemove, SessionEnd
from farhand.protocol.channels import Shell
from farhand.relay.live.removal import Removal, remove_journal, remove_recording


def files(relay: Harness, session_id: str) -> list[str]:
    """What is on disk of a session."""
    folder = relay.data / "relay"
    found = [*(folder / "recordings" / session_id).glob("*"), *(folder / "journal").glob(f"{session_id}*")]
    return sorted(path.name for path in found)


async def test_files_go_when_the_session_is_over_and_not_before(relay: Harness) -> None:
    state, endpoint, _console = await pair(relay, record=True)
    await endpoint.entry("recording-started")
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    name = f"{state.session_id}.fhj"
    relay.tell(FilesRemove(session_id=state.session_id, journal=True))
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await relay.settle(lambda: not relay.live.sessions.has(state.session_id))
    assert files(relay, state.session_id) == sorted(["1.fhr", name])
    relay.tell(FilesRemove(session_id=state.session_id))
    await relay.settle(lambda: files(relay, state.session_id) == [name])
    (relay.data / "relay" / "journal" / f"{name}.damaged").write_bytes(b"x")
    relay.tell(FilesRemove(session_id=state.session_id, journal=True))
    await relay.settle(lambda: files(relay, state.session_id) == [])
    assert not (relay.data / "relay" / "recordings" / state.session_id).exists()


def test_only_what_is_a_sessions_goes(tmp_path: Path) -> None:
    recordings, journal, outside = tmp_path / "recordings", tmp_path / "journal", tmp_path / "outside"
    for folder in (recordings, journal, outside):
        folder.mkdir()
    one, other, linked = new_id(), new_id(), new_id()
    for name in (one, other):
        (recordings / name).mkdir()
        (recordings / name / "1.fhr").write_bytes(b"12345")
        (journal / f"{name}.fhj").write_bytes(b"123")
    (outside / "1.fhr").write_bytes(b"mine")
    (recordings / linked).symlink_to(outside)
    removal = Removal(tmp_path)
    removal.remove(one, journal=True)
    removal.remove(linked, journal=False)
    removal.remove("..", journal=True)
    removal._pool.shutdown()
    assert not (recordings / one).exists()
    assert not (journal / f"{one}.fhj").exists()
    assert (recordings / other / "1.fhr").exists()
    assert (journal / f"{other}.fhj").exists()
    assert (outside / "1.fhr").exists()


def test_a_journal_goes_too_while_its_recording_is_still_being_removed(tmp_path: Path) -> None:
    session_id = new_id()
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / f"{session_id}.fhj").write_bytes(b"123")
    removal, busy = Removal(tmp_path), threading.Event()
    removal._pool.submit(busy.wait)
    for journal in (False, True, True):
        removal.remove(session_id, journal=journal)
    assert len(removal._asked) == 2
    busy.set()
    removal._pool.shutdown()
    assert list((tmp_path / "journal").iterdir()) == []
    assert not removal._asked


def test_sizes_are_told_and_what_is_gone_is_no_error(tmp_path: Path) -> None:
    session_id = new_id()
    assert remove_recording(tmp_path, session_id) == 0
    assert remove_journal(tmp_path, session_id) == 0
    (tmp_path / session_id).mkdir()
    (tmp_path / session_id / "1.fhr").write_bytes(b"12345")
    (tmp_path / session_id / "2.fhr").write_bytes(b"1234567")
    (tmp_path / f"{session_id}.fhj").write_bytes(b"123")
    assert remove_recording(tmp_path, session_id) == 12
    assert remove_journal(tmp_path, session_id) == 3
