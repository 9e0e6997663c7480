"""Legs on real sockets: access, fan-out, journal, replay, recorder, backpressure."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.relay.harness import ALL_GRANTS, FAR, Harness, Peer, post, refusal

from farhand.kit import signing
from farhand.kit.clock import FakeClock
from farhand.kit.ids import new_id
from farhand.protocol import frames
from farhand.protocol.bus import (
    Journaled,
    LegDown,
    LegEnd,
    LegState,
    LegUp,
    Links,
    NeedKeys,
    SessionEnd,
    SessionNote,
    SessionPut,
    SessionState,
)
from farhand.protocol.channels import CREDIT, Control, Durable, Grant, Input, Kind, Party, Screen, Shell, channel
from farhand.protocol.messages import End, Grants, Join, Post, PostRefused, Roster, ScreenStarted, Welcome, proof_body
from farhand.relay.live import sockets
from farhand.relay.live.journal import KEEP_FREE, NO_SPACE, JournalFile

CHAT = channel(Kind.CHAT)
REPS = channel(Kind.REPS)
SCREEN = channel(Kind.SCREEN)
SHELL1 = channel(Kind.SHELL, 1)
SYSTEM = channel(Kind.SYSTEM)
UPDATE = b"\x07\0\0\0" + b"\0" * 8


async def pair(relay: Harness, **options: Any) -> tuple[Any, Any, Any]:
    state = await relay.session(**options)
    endpoint = await relay.join(state, 1)
    console = await relay.join(state, 2)
    return state, endpoint, console


async def test_a_waiting_customer_is_told_something(relay: Harness) -> None:
    state = await relay.session(consoles=0)
    endpoint = await relay.join(state, 1)
    for session_id in (new_id(), state.session_id):  # one that is not here is no matter
        relay.tell(SessionNote(session_id=session_id, kind="waiting-message", data={"text": "Please be patient."}))
    entry = await endpoint.entry("waiting-message")
    assert (entry.data, entry.leg, entry.subject) == ({"text": "Please be patient."}, 0, "relay")


async def test_frames_go_both_ways_unchanged(relay: Harness) -> None:
    _, endpoint, console = await pair(relay)
    console.send(Shell.INPUT, SHELL1, b"ls\n")
    assert await endpoint.until(Shell.INPUT, SHELL1) == (2, b"ls\n")
    big = bytes(range(256)) * 4096
    for data in (b"out", b"", big):
        endpoint.send(Shell.DATA, SHELL1, data)
        assert await console.until(Shell.DATA, SHELL1) == (0, data)
    console.send(CREDIT, SHELL1, b"\0\1\0\0")
    assert await endpoint.until(CREDIT, SHELL1) == (2, b"\0\1\0\0")


async def test_addressed_frames_reach_that_leg_only(relay: Harness) -> None:
    state = await relay.session(consoles=2)
    endpoint, first, second = [await relay.join(state, leg) for leg in (1, 2, 3)]
    endpoint.send(Shell.DATA, SHELL1, b"three", leg=3)
    endpoint.send(Shell.DATA, SHELL1, b"all")
    assert (await second.until(Shell.DATA, SHELL1))[1] == b"three"
    assert (await second.until(Shell.DATA, SHELL1))[1] == b"all"
    assert (await first.until(Shell.DATA, SHELL1))[1] == b"all"


async def test_roster_and_bus_follow_the_legs(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    await relay.heard(LegUp, lambda m: m.leg == 2)
    while len((roster := await endpoint.message(Control.ROSTER, Roster)).legs) < 2:
        pass
    assert [(one.leg, one.name) for one in roster.legs] == [(1, "machine"), (2, "rep 0")]
    console.close()
    assert (await relay.heard(LegDown)).leg == 2
    assert [one.leg for one in (await endpoint.message(Control.ROSTER, Roster)).legs] == [1]
    assert relay.live.sessions._rooms[state.session_id]


async def test_a_revoked_grant_stops_a_running_stream(relay: Harness) -> None:
    # grants are checked on every frame, in both directions
    state, endpoint, console = await pair(relay)
    endpoint.send(Shell.DATA, SHELL1, b"before")
    await console.until(Shell.DATA, SHELL1)
    console.send(Shell.INPUT, SHELL1, b"before")
    await endpoint.until(Shell.INPUT, SHELL1)
    relay.regrant(state, 2, int(Grant.CHAT | Grant.SYSTEM))
    changed = await console.message(Control.GRANTS, Grants)
    assert (changed.grants, changed.epoch) == (int(Grant.CHAT | Grant.SYSTEM), 2)
    endpoint.send(Shell.DATA, SHELL1, b"secret")
    console.send(Shell.INPUT, SHELL1, b"rm")
    await console.nothing_of(SHELL1)
    await endpoint.nothing_of(SHELL1)
    assert not console.listener.closed.is_set()  # a race of grants is no crime
    relay.regrant(msgspec.structs.replace(state, epoch=2), 2, ALL_GRANTS)
    await console.message(Control.GRANTS, Grants)
    endpoint.send(Shell.DATA, SHELL1, b"again")
    assert (await console.until(Shell.DATA, SHELL1))[1] == b"again"


async def test_an_older_epoch_changes_nothing(relay: Harness) -> None:
    state, endpoint, console = await pair(relay, epoch=5)
    relay.regrant(msgspec.structs.replace(state, epoch=3), 2, 0)
    endpoint.send(Shell.DATA, SHELL1, b"still")
    assert (await console.until(Shell.DATA, SHELL1))[1] == b"still"


@pytest.mark.parametrize(
    ("who", "kind", "chan", "leg"),
    [
        ("console", Shell.DATA, SHELL1, 2),
        ("console", Shell.INPUT, SHELL1, 3),
        ("console", Shell.INPUT, SHELL1, 0),
        ("console", Durable.ENTRY, CHAT, 2),
        ("console", Durable.POST, SYSTEM, 2),
        ("console", Durable.POST, CHAT, 3),
        ("console", Control.GRANTS, 0, 2),
        ("console", 1, 0x4200, 2),
        ("endpoint", Shell.INPUT, SHELL1, 0),
        ("endpoint", Input.KEY, channel(Kind.INPUT), 0),
        ("endpoint", Control.WELCOME, 0, 0),
    ],
)
async def test_what_no_honest_leg_sends_closes_it(relay: Harness, who: str, kind: int, chan: int, leg: int) -> None:
    _, endpoint, console = await pair(relay)
    peer = console if who == "console" else endpoint
    other = endpoint if who == "console" else console
    peer.send(kind, chan, b"{}", leg=leg)
    assert (await peer.message(Control.END, End)).reason == "refused"
    await peer.gone()
    assert not other.listener.closed.is_set()


async def test_malformed_frames_after_sign_in_close_the_leg(relay: Harness) -> None:
    good = frames.build(Shell.INPUT, SHELL1, 2, b"abc")
    for bad in (b"", good[:11], good + b"x", b"\2" + good[1:], good[:6] + b"\1\0" + good[8:]):
        state = await relay.session()
        console = await relay.join(state, 2)
        console.raw(bad)
        assert (await refusal(console)).code == "bad-message"


async def test_chat_is_on_disk_before_anybody_sees_it(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    message = post("hello")
    console.send(Durable.POST, CHAT, message)
    mine, theirs = await console.entry("chat"), await endpoint.entry("chat")
    assert mine == theirs
    assert (mine.id, mine.text, mine.leg, mine.name) == (message.id, "hello", 2, "rep 0")
    on_disk = JournalFile(relay.data / "relay" / "journal" / f"{state.session_id}.fhj")
    assert mine in on_disk.read(0)
    on_disk.close()
    await relay.heard(Journaled, lambda m: m.seq >= mine.seq)


#
async def test_what_representatives_say_to_each_other_reaches_no_customer(relay: Harness) -> None:
    state = await relay.session(consoles=2)
    endpoint, first, second = [await relay.join(state, leg) for leg in (1, 2, 3)]
    first.send(Durable.POST, REPS, msgspec.structs.replace(post("between us"), kind="rep-chat"))
    first.send(Durable.POST, CHAT, post("to all"))
    for console in (first, second):
        assert (await console.entry("rep-chat")).text == "between us"
        assert (await console.entry("chat")).text == "to all"
    again = await relay.join(state, 1)
    for peer in (endpoint, again):  # told at once, and from the journal
        while (got := await peer.next()) is not None and got[1] != CHAT:
            assert got[1] != REPS
        assert got is not None
        assert b"to all" in got[3]
    again.send(Durable.POST, REPS, msgspec.structs.replace(post("me too"), kind="rep-chat"))
    assert (await again.message(Control.END, End)).reason == "refused"
    # Neither does it pass as something else.
    second.send(Durable.POST, CHAT, msgspec.structs.replace(post("disguised"), kind="rep-chat"))
    assert (await second.message(Control.END, End)).reason == "refused"


#
async def test_a_guest_is_told_what_was_said_since(relay: Harness) -> None:
    clock = relay.live.clock = FakeClock()
    state = await relay.session(consoles=2)
    _endpoint, first = [await relay.join(state, leg) for leg in (1, 2)]
    first.send(Durable.POST, CHAT, post("long ago"))
    await first.entry("chat")
    clock.advance(3600)
    legs = [msgspec.structs.replace(leg, since_ms=clock.now_ms() if leg.leg == 3 else 0) for leg in state.legs]
    clock.advance(1)
    state = msgspec.structs.replace(state, legs=legs, epoch=state.epoch + 1)
    relay.tell(SessionPut(session=state))
    first.send(Durable.POST, CHAT, post("just now"))
    await first.entry("chat")
    guest = await relay.join(state, 3)
    assert (await guest.entry("chat")).text == "just now"
    assert (await (await relay.join(state, 2)).entry("chat")).text == "long ago"


async def test_a_post_sent_twice_is_kept_once_and_acknowledged_twice(relay: Harness) -> None:
    _, endpoint, console = await pair(relay)
    message = post("once")
    for _ in range(2):
        console.send(Durable.POST, CHAT, message)
        assert (await console.entry("chat")).id == message.id
    console.send(Durable.POST, CHAT, post("next"))
    assert (await endpoint.entry("chat")).text == "once"
    assert (await endpoint.entry("chat")).text == "next"


async def test_entries_are_replayed_after_a_drop_and_after_a_restart(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start()
    state, endpoint, console = await pair(relay)
    for index in range(100):
        console.send(Durable.POST, CHAT, post(f"text {index}"))
    seqs = [(await console.entry("chat")).seq for _ in range(100)]
    assert seqs == sorted(set(seqs))
    later = await relay.join(state, 2, last_seq=seqs[49])
    assert [(await later.entry("chat")).text for _ in range(50)] == [f"text {index}" for index in range(50, 100)]
    await relay.stop()
    relay.relay = None
    again = make_relay()
    again.issuer, again.site = relay.issuer, relay.site
    await again.start()
    again.sessions(state)
    endpoint = await again.join(state, 1, last_seq=seqs[97])
    assert [(await endpoint.entry("chat")).text for _ in range(2)] == ["text 98", "text 99"]
    endpoint.send(Durable.POST, CHAT, post("after"))
    assert (await endpoint.entry("chat")).seq > seqs[-1]


async def test_a_damaged_tail_is_cut_and_numbers_go_on(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start()
    state, _, console = await pair(relay)
    console.send(Durable.POST, CHAT, post("kept"))
    kept = await console.entry("chat")
    await relay.stop()
    relay.relay = None
    path = relay.data / "relay" / "journal" / f"{state.session_id}.fhj"
    path.write_bytes(path.read_bytes() + b"\x50\0\0\0half a rec")
    again = make_relay()
    again.issuer = relay.issuer
    await again.start()
    again.sessions(state)
    console = await again.join(state, 2)
    assert (await console.entry("chat")) == kept
    console.send(Durable.POST, CHAT, post("new"))
    new = await console.entry("chat")
    assert new.seq > kept.seq
    with_all = JournalFile(path)
    assert [entry.seq for entry in with_all.read(0, 1000)] == list(range(1, with_all.seq + 1))
    with_all.close()


async def test_what_ran_before_a_restart_of_the_relay_has_its_end_on_record(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start()
    state, endpoint, _ = await pair(relay)
    data: dict[str, str | int | bool] = {"by": "rep 0", "leg": 2, "run": "r", "script": "s", "name": "Greet"}
    endpoint.send(Durable.POST, SYSTEM, Post(id=new_id(), kind="script-started", text="Greet", data=data))
    await endpoint.entry("script-started")
    await relay.stop()
    relay.relay = None
    again = make_relay()
    again.issuer = relay.issuer
    await again.start()
    again.sessions(state)
    again.tell(SessionEnd(session_id=state.session_id, reason="ended", text=""))
    await again.settle(lambda: state.session_id in again.live.sessions._over and not again.live.sessions._ending)
    file = JournalFile(relay.data / "relay" / "journal" / f"{state.session_id}.fhj")
    ended, last = file.read(file.seq - 2, 2)
    file.close()
    assert (ended.kind, ended.data, ended.subject) == ("script-ended", data | {"reason": "session-ended"}, "relay")
    assert last.kind == "session-ended"


async def test_a_full_disk_refuses_the_post_and_nothing_crashes(relay: Harness) -> None:
    # Bad input: a full disk gets a sentence, and the same post goes through when there is room
    state, endpoint, console = await pair(relay)
    await console.entry("leg-joined")
    await relay.settle(lambda: relay.live.sessions._rooms[state.session_id].session.settled)
    real = relay.live.writer._write

    def full(fd: int, data: bytes, offset: int) -> int:
        if len(data) > 10:
            return real(fd, data[:10], offset)  # type: ignore[no-any-return]
        raise OSError(28, "No space left on device")

    relay.live.writer._write = full
    message = post("important")
    console.send(Durable.POST, CHAT, message)
    refused = await console.message(Durable.REFUSED, PostRefused, CHAT)
    assert (refused.id, refused.code) == (message.id, "not-stored")
    relay.live.writer._write = real
    console.send(Durable.POST, CHAT, message)
    assert (await endpoint.entry("chat")).id == message.id
    path = relay.data / "relay" / "journal" / f"{state.session_id}.fhj"
    file = JournalFile(path)
    assert [entry.seq for entry in file.read(0, 1000)] == list(range(1, file.seq + 1))
    file.close()


async def test_session_end_tells_and_closes_all(relay: Harness) -> None:
    state, endpoint, console = await pair(relay, kind="support")
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended", text="bye"))
    told = await endpoint.message(Control.END, End)
    assert (told.reason, told.text, told.uninstall) == ("ended", "bye", True)
    told = await console.message(Control.END, End)
    assert not told.uninstall
    await endpoint.gone()
    await console.gone()
    file = JournalFile(relay.data / "relay" / "journal" / f"{state.session_id}.fhj")
    await relay.settle(lambda: not relay.live.sessions._ending)
    file.close()
    file = JournalFile(relay.data / "relay" / "journal" / f"{state.session_id}.fhj")
    assert file.read(0, 1000)[-1].kind == "session-ended"
    file.close()
    late = await relay.join(state, 2, welcome=False)
    relay.sessions()
    assert (await refusal(late)).code == "unknown-session"


async def test_a_session_that_began_while_the_list_was_made_goes_on(relay: Harness) -> None:
    # A worker comes back: it reads the list, `web` begins a session and tells of it, then the list comes.
    clock = relay.live.clock = FakeClock()
    old, endpoint_of_old, _ = await pair(relay)
    clock.advance(1)
    read_ms = clock.now_ms()
    clock.advance(0.05)
    young, endpoint, console = await pair(relay)
    clock.advance(0.05)
    relay.sessions(read_ms=read_ms)
    assert (await endpoint_of_old.message(Control.END, End)).reason == "ended"  # it was over before the list was made
    assert old.session_id not in relay.live.sessions._rooms
    endpoint.send(Shell.DATA, SHELL1, b"still here")
    assert (await console.until(Shell.DATA, SHELL1))[1] == b"still here"
    clock.advance(1)
    relay.sessions(read_ms=clock.now_ms())  # the next list knows better
    assert (await endpoint.message(Control.END, End)).reason == "ended"
    assert young.session_id not in relay.live.sessions._rooms


async def test_a_session_that_ended_while_the_list_was_made_does_not_come_back(relay: Harness) -> None:
    state, endpoint, _ = await pair(relay)
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await endpoint.gone()
    await relay.settle(lambda: not relay.live.sessions._ending)
    relay.sessions(state, read_ms=1)
    relay.tell(SessionPut(session=msgspec.structs.replace(state, epoch=9)))
    other = await relay.session()
    await relay.settle(lambda: other.session_id in relay.live.sessions._rooms)
    assert state.session_id not in relay.live.sessions._rooms


async def test_a_list_that_is_told_again_disturbs_nobody(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    for _ in range(3):
        relay.sessions(msgspec.structs.replace(state, offer_ticket="x" * 10))
    endpoint.send(Shell.DATA, SHELL1, b"undisturbed")
    assert (await console.until(Shell.DATA, SHELL1))[1] == b"undisturbed"
    assert not endpoint.listener.closed.is_set()


async def test_a_leg_that_is_taken_away_gets_no_further_frame(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    endpoint.send(Screen.STARTED, SCREEN, ScreenStarted(width=8, height=8), leg=2)
    endpoint.send(Screen.UPDATE, SCREEN, UPDATE, leg=2)
    await console.until(Screen.UPDATE, SCREEN)
    left = [one for one in state.legs if one.leg != 2]
    relay.tell(SessionPut(session=msgspec.structs.replace(state, legs=left, epoch=2)))
    assert (await console.message(Control.END, End)).reason == "removed"
    endpoint.send(Screen.UPDATE, SCREEN, UPDATE, leg=2)
    await console.nothing_of(SCREEN)
    await console.gone()
    # its ticket of a moment ago is worth nothing now
    assert (await refusal(await relay.join(state, 2, welcome=False))).code == "bad-ticket"


async def test_leg_end_removes_one_leg(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    relay.tell(LegEnd(session_id=state.session_id, leg=2, reason="removed"))
    assert (await console.message(Control.END, End)).reason == "removed"
    await console.gone()
    assert (await endpoint.entry("leg-left")).name == "rep 0"


async def test_a_jump_client_is_never_told_to_uninstall(relay: Harness) -> None:
    state, endpoint, _ = await pair(relay)
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    assert not (await endpoint.message(Control.END, End)).uninstall


async def test_tickets(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    state = await relay.session()
    token = relay.token(relay.ticket(state, 2))
    await relay.join(state, 2, token=token)
    second = await relay.join(state, 2, token=token, welcome=False)
    assert (await refusal(second)).code == "used"
    old = await relay.join(state, 2, token=relay.token(relay.ticket(state, 2, expires_ms=1)), welcome=False)
    assert (await refusal(old)).code == "expired"
    forged = relay.ticket(state, 2)
    other = await relay.join(state, 2, token=signing.sign_token(signing.new_key(), "leg", forged), welcome=False)
    assert (await refusal(other)).code == "bad-ticket"
    somebody = relay.ticket(state, 2, subject=f"user:{new_id()}")
    assert (await refusal(await relay.join(state, 2, token=relay.token(somebody), welcome=False))).code == "bad-ticket"


async def test_a_ticket_with_a_key_serves_again_with_its_proof(relay: Harness) -> None:
    state = await relay.session()
    key = signing.new_key()
    token = relay.token(relay.ticket(state, 1, key=key))
    for proves in (True, True, False):
        peer = await relay.open("/live/leg")
        body = proof_body(peer.hello.nonce, peer.spki, token)
        proof = signing.sign_bytes(key, "proof", body).hex() if proves else None
        peer.send(Control.JOIN, 0, Join(ticket=token, proof=proof))
        if proves:
            await peer.message(Control.WELCOME, Welcome)
        else:
            assert (await refusal(peer)).code == "bad-proof"


async def test_a_leg_may_come_a_moment_before_its_session(relay: Harness) -> None:
    state = await relay.session()
    await relay.settle(lambda: state.session_id in relay.live.sessions._rooms)
    newer = msgspec.structs.replace(
        state,
        epoch=2,
        legs=[*state.legs, LegState(leg=3, party=Party.CONSOLE, subject="user:x", name="c", grants=1)],
    )
    console = await relay.join(newer, 3, welcome=False)
    await asyncio.sleep(0.05)
    relay.tell(SessionPut(session=newer))
    assert (await console.message(Control.WELCOME, Welcome)).leg == 3


async def test_before_the_bus_told_of_sessions_legs_are_asked_to_come_again(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farhand.relay.live.legsockets.WAIT_S", 0.0)
    state = await relay.session()
    unknown = msgspec.structs.replace(state, session_id=new_id())
    peer = await relay.join(unknown, 2, welcome=False)
    answer = await refusal(peer)
    assert (answer.code, answer.retry_after_s) == ("busy", 2)


async def test_a_newer_socket_takes_the_leg(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    newer = await relay.join(state, 2)
    await console.gone()
    endpoint.send(Shell.DATA, SHELL1, b"x")
    assert (await newer.until(Shell.DATA, SHELL1))[1] == b"x"
    assert not [m for m in relay.bus_inbox if isinstance(m, LegDown)]


async def test_the_recorder_watches_while_a_console_does(relay: Harness) -> None:
    # shell and screen are recorded by a viewer like any other
    state, endpoint, console = await pair(relay, record=True)
    await endpoint.entry("recording-started")
    started = ScreenStarted(width=100, height=50)
    console.send(Screen.START, SCREEN, b"{}")
    await endpoint.until(Screen.START, SCREEN)
    endpoint.send(Screen.STARTED, SCREEN, started, leg=2)
    leg, body = await endpoint.until(Screen.START, SCREEN)
    assert leg == frames.RECORDER_LEG
    assert msgspec.json.decode(body) == {
        "max_fps": 8,
        "colours": "settled",
        "video": [],
        "monitor": "",
        "pointer": True,
    }
    endpoint.send(Screen.STARTED, SCREEN, started, leg=frames.RECORDER_LEG)
    endpoint.send(Screen.UPDATE, SCREEN, UPDATE, leg=frames.RECORDER_LEG)
    assert await endpoint.until(Screen.ACK, SCREEN) == (frames.RECORDER_LEG, b"\x07\0\0\0\0\0")
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"for all")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"for one", leg=2)
    console.send(Screen.STOP, SCREEN)
    await endpoint.until(Screen.STOP, SCREEN)
    assert (await endpoint.until(Screen.STOP, SCREEN))[0] == frames.RECORDER_LEG
    path = relay.data / "relay" / "recordings" / state.session_id / "1.fhr"
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await relay.settle(lambda: path.exists() and b"FHRZ" in path.read_bytes())
    from farhand.recording import format as form

    assert form.CHUNK in path.read_bytes()
    assert b"for all" not in path.read_bytes()


async def test_used_or_missing_keys_are_asked_for(relay: Harness) -> None:
    session_id = new_id()
    folder = relay.data / "relay" / "recordings" / session_id
    folder.mkdir(parents=True)
    (folder / "1.fhr").write_bytes(b"of an earlier incarnation")
    state = recorded = await relay.session(session_id=session_id, record=True, recording=relay.keys(1))
    need = await relay.heard(NeedKeys)
    assert (need.session_id, need.relay_id) == (state.session_id, relay.live.relay_id)
    endpoint = await relay.join(state, 1)
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"early")
    relay.record_with(recorded, 2)
    await endpoint.entry("recording-started")
    await relay.settle(lambda: (folder / "2.fhr").exists() and b"FHRC" in (folder / "2.fhr").read_bytes())


async def unkeyed(relay: Harness) -> tuple[SessionState, Peer, Path]:
    """A session that has something to record and no keys to do it with; and where the segment will be."""
    session_id = new_id()
    folder = relay.data / "relay" / "recordings" / session_id
    folder.mkdir(parents=True)
    (folder / "1.fhr").write_bytes(b"of an earlier incarnation")
    state = await relay.session(session_id=session_id, record=True, recording=relay.keys(1))
    endpoint = await relay.join(state, 1)
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"early")
    endpoint.send(Durable.POST, CHAT, post("sent"))
    await endpoint.entry("chat")
    return state, endpoint, folder / "2.fhr"


async def test_a_session_that_ends_before_its_keys_come_is_recorded_all_the_same(relay: Harness) -> None:
    state, _endpoint, path = await unkeyed(relay)
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await relay.settle(lambda: state.session_id not in relay.live.sessions._rooms)
    relay.record_with(state, 2, relay_id=new_id())  # meant for another incarnation
    relay.record_with(state, 2)
    await relay.settle(lambda: path.exists() and b"FHRZ" in path.read_bytes())
    assert b"FHRC" in path.read_bytes()
    relay.live.sessions.tick()
    await relay.settle(lambda: not relay.live.sessions._ending)
    assert relay.live.taps.early == 0


async def test_what_no_keys_come_for_is_given_up_in_the_end(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.relay.live.recorder.LATE_S", 0.05)
    state, _endpoint, path = await unkeyed(relay)
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await relay.settle(lambda: not relay.live.sessions._rooms and not relay.live.sessions._ending)
    assert relay.live.taps.early == 0
    assert not path.exists()


async def test_a_control_plane_that_comes_back_hears_at_once_which_keys_are_missing(relay: Harness) -> None:
    state, _endpoint, _path = await unkeyed(relay)
    asked = [m for m in relay.live.sessions.report() if isinstance(m, NeedKeys)]
    assert [(m.session_id, m.relay_id) for m in asked] == [(state.session_id, relay.live.relay_id)]
    relay.record_with(state, 2)
    await relay.settle(lambda: not any(isinstance(m, NeedKeys) for m in relay.live.sessions.report()))


async def test_a_recording_goes_on_after_trouble_with_the_disk(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bad input: a full disk costs the recording a gap, not the rest of the session
    monkeypatch.setattr("farhand.relay.live.recorder.PAUSES_S", (0.01, 0.1))
    real = relay.live.taps.create
    opened: list[int] = []
    refused: list[Path] = []

    def create(path: Path) -> int:
        if opened and not refused:
            refused.append(path)
            raise OSError(28, "No space left on device")
        opened.append(real(path))
        return opened[-1]

    relay.live.taps.create = create
    state, endpoint, _ = await pair(relay, record=True)
    assert (await endpoint.entry("recording-started")).data == {"segment": 1}
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, opened[0])
    os.close(full)
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"lost")
    assert "No space left" in str((await endpoint.entry("recording-gap")).data["reason"])
    await relay.heard(NeedKeys)
    relay.record_with(state, 2)
    assert await endpoint.until(Screen.REFRESH, SCREEN) == (frames.RECORDER_LEG, b"")
    assert (await endpoint.entry("recording-started")).data == {"segment": 2}
    assert [path.name for path in refused] == ["2.fhr"]
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"kept")
    path = relay.data / "relay" / "recordings" / state.session_id / "2.fhr"
    await relay.settle(lambda: b"FHRC" in path.read_bytes())
    file = JournalFile(relay.data / "relay" / "journal" / f"{state.session_id}.fhj")
    kinds = [entry.kind for entry in file.read(0, 1000) if entry.kind.startswith("recording")]
    file.close()
    assert kinds == ["recording-started", "recording-gap", "recording-started"]


async def test_frames_for_one_slow_viewer_hold_up_nobody_else(relay: Harness) -> None:
    state = await relay.session(consoles=2)
    endpoint, quick, slow = [await relay.join(state, leg) for leg in (1, 2, 3)]
    slow.transport.underlying_transport.pause_reading()
    update = b"x" * 131_072
    for number in range(160):
        endpoint.send(Screen.UPDATE, SCREEN, update, leg=3)
        endpoint.send(Shell.DATA, SHELL1, b"%d" % number, leg=2)
        assert (await quick.until(Shell.DATA, SHELL1))[1] == b"%d" % number
    await relay.settle(lambda: not relay.live.sessions._rooms[state.session_id].session.legs[3].joined)


async def test_an_endpoint_that_is_held_for_one_console_is_read_again_for_two(relay: Harness) -> None:
    state = await relay.session(consoles=2)
    endpoint, slow = [await relay.join(state, leg) for leg in (1, 3)]
    slow.transport.underlying_transport.pause_reading()
    held = relay.live.sessions._rooms[state.session_id].session.legs[1]
    for _ in range(64):
        endpoint.send(Screen.UPDATE, SCREEN, b"x" * 131_072, leg=3)
    await relay.settle(lambda: held.port.deaf)
    quick = await relay.join(state, 2)
    endpoint.send(Shell.DATA, SHELL1, b"hello", leg=2)
    assert (await quick.until(Shell.DATA, SHELL1))[1] == b"hello"


async def test_the_bus_is_told_how_far_journals_are_on_disk(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    await relay.heard(Journaled, lambda m: (m.session_id, m.seq) == (state.session_id, 0))
    console.send(Durable.POST, CHAT, post("kept"))
    seq = (await endpoint.entry("chat")).seq
    relay.bus_inbox.clear()
    reader, writer = await asyncio.open_unix_connection(str(relay.data / "run" / "bus.sock"))
    relay.writers.append(writer)
    again = asyncio.create_task(relay._read_bus(reader))
    links = await relay.heard(Links)
    again.cancel()
    assert links.journals == {state.session_id: seq}


async def test_a_slow_viewer_is_closed_and_blocks_nobody(relay: Harness) -> None:
    state = await relay.session(consoles=2)
    endpoint, quick, slow = [await relay.join(state, leg) for leg in (1, 2, 3)]
    slow.transport.underlying_transport.pause_reading()
    chunk = b"x" * 65536
    for _ in range(400):
        endpoint.send(Shell.DATA, SHELL1, chunk)
        await quick.until(Shell.DATA, SHELL1)
    await relay.settle(lambda: not relay.live.sessions._rooms[state.session_id].session.legs[3].joined)
    endpoint.send(Shell.DATA, SHELL1, b"last")
    assert (await quick.until(Shell.DATA, SHELL1))[1] == b"last"


@pytest.mark.parametrize("record", [False, True])
async def test_a_single_viewer_holds_its_sender_and_gets_everything(relay: Harness, record: bool) -> None:
    # An endpoint that ignores its credit must not get the only viewer closed; the recorder is not a second one.
    _, endpoint, console = await pair(relay, record=record)
    under = console.transport.underlying_transport
    under.pause_reading()
    chunk = b"x" * 65536
    for _ in range(300):
        endpoint.send(Shell.DATA, SHELL1, chunk)
        await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    under.resume_reading()
    total = 0
    while total < 300 * len(chunk):
        total += len((await console.until(Shell.DATA, SHELL1))[1])
    console.send(Shell.INPUT, SHELL1, b"alive")
    assert (await endpoint.until(Shell.INPUT, SHELL1))[1] == b"alive"


async def test_shell_overtakes_screen_when_the_transport_is_blocked(relay: Harness) -> None:
    state, endpoint, console = await pair(relay)
    room = relay.live.sessions._rooms[state.session_id]
    port = room.session.legs[2].port
    port.pause_writing()
    for _ in range(3):
        endpoint.send(Screen.UPDATE, SCREEN, UPDATE)
    endpoint.send(Shell.DATA, SHELL1, b"quick")
    await relay.settle(lambda: port.queued >= 3 * 24 + 17)
    port.resume_writing()
    order = []
    while len(order) < 4:
        got = await console.next()
        if got[1] in (SCREEN, SHELL1):
            order.append(got[1])
    assert order == [SHELL1, SCREEN, SCREEN, SCREEN]


async def test_a_silent_peer_is_cut_by_the_wheel(relay: Harness) -> None:
    agent = await relay.agent()
    (socket,) = relay.live.wheel.sockets()
    relay.live.wheel.step(socket.slot)
    await relay.settle(lambda: socket.heard)  # it answered the ping
    agent.peer.transport.underlying_transport.pause_reading()
    relay.live.wheel.step(socket.slot)
    relay.live.wheel.step((socket.slot + sockets.PING_S // 2) % sockets.PING_S)
    await relay.settle(lambda: not relay.live.wheel.sockets())
    assert FAR


async def test_a_recording_that_cannot_be_written_is_journaled_and_the_session_goes_on(relay: Harness) -> None:
    session_id = new_id()
    folder = relay.data / "relay" / "recordings"
    folder.mkdir(exist_ok=True)
    (folder / session_id).write_bytes(b"a file where a folder is needed")
    state = await relay.session(session_id=session_id, record=True, recording=relay.keys(1))
    endpoint, console = await relay.join(state, 1), await relay.join(state, 2)
    await console.entry("recording-gap")
    endpoint.send(Shell.DATA, SHELL1, b"on")
    assert (await console.until(Shell.DATA, SHELL1))[1] == b"on"


async def test_damage_in_a_journal_ends_that_session_and_no_other(relay: Harness) -> None:
    # Bad input: the disk gives back something else than was written
    state, endpoint, console = await pair(relay)
    _, _, other = await pair(relay)
    for number in range(80):
        console.send(Durable.POST, CHAT, post(f"number {number} " + "x" * 50))
    while (await endpoint.entry("chat")).text != "number 79 " + "x" * 50:
        pass
    path = relay.data / "relay" / "journal" / f"{state.session_id}.fhj"
    data = path.read_bytes()
    at = data.index(b"number 3 ")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"NUMBER")
    console.close()
    again = await relay.join(state, 2)
    told = await again.message(Control.END, End)
    assert told.reason == "journal-damaged"
    await endpoint.gone()
    other.send(Durable.POST, CHAT, post("still here"))
    assert (await other.entry("chat")).text == "still here"
    await relay.settle(lambda: path.with_name(path.name + ".damaged").exists())
    mended = JournalFile(path)
    kinds = [(entry.seq, entry.kind) for entry in mended.read(0, 1000)]
    mended.close()
    assert len(kinds) == mended.seq - 1
    assert kinds[-1] == (mended.seq, "session-ended")


async def test_a_customer_whom_nobody_accepted_fills_no_disk(relay: Harness) -> None:
    state = await relay.session(consoles=0, kind="support", record=True)
    endpoint = await relay.join(state, 1)
    await endpoint.entry("recording-started")
    before = relay.live.sessions._rooms[state.session_id].recorder.tap.put_bytes
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    for _ in range(50):
        endpoint.send(Shell.DATA, SHELL1, os.urandom(1 << 18))
    endpoint.send(Durable.POST, CHAT, post("there"))
    await endpoint.entry("chat")
    assert relay.live.sessions._rooms[state.session_id].recorder.tap.put_bytes == before


async def test_a_full_disk_stops_recordings_says_so_and_recovers(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farhand.relay.live.recorder.PAUSES_S", (0.01, 0.1))
    monkeypatch.setattr("farhand.relay.live.segments.FREE_S", 0.02)
    state, endpoint, console = await pair(relay, record=True)
    await endpoint.entry("recording-started")
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    relay.live.taps.free = lambda _folder: KEEP_FREE - 1
    assert (await endpoint.entry("recording-gap")).data["reason"] == NO_SPACE
    assert not any(isinstance(message, NeedKeys) for message in relay.bus_inbox)
    console.send(Durable.POST, CHAT, post("the session goes on"))
    await endpoint.entry("chat")
    # A new session that would have to be recorded is refused with one sentence; one that is not begins.
    fresh = await relay.session(record=True)
    await relay.settle(lambda: relay.live.sessions._rooms[fresh.session_id].session.seq == 1)  # its recording-gap
    token = relay.token(relay.ticket(fresh, 2))
    refused = await refusal(await relay.join(fresh, 2, welcome=False, token=token))
    assert (refused.code, refused.retry_after_s) == ("busy", 30)
    assert "nearly full" in refused.text
    await pair(relay)
    relay.live.taps.free = lambda _folder: KEEP_FREE
    await relay.heard(NeedKeys, lambda m: m.session_id == state.session_id)
    relay.record_with(state, 2)
    assert (await endpoint.entry("recording-started")).data == {"segment": 2}
    await relay.join(fresh, 2, token=token)  # its ticket was not used up


async def test_a_recording_has_a_largest_size_and_its_end_is_journaled_once(relay: Harness) -> None:
    relay.policy(recorded_bytes=100_000)
    await relay.settle(lambda: relay.live.taps.limits.total == 100_000)
    state, endpoint, console = await pair(relay, record=True)
    await endpoint.entry("recording-started")
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    for _ in range(40):
        endpoint.send(Shell.DATA, SHELL1, b"x" * 16_000)
    for _ in range(40):
        await console.until(Shell.DATA, SHELL1)
    endpoint.send(Durable.POST, CHAT, post("done"))
    await endpoint.entry("chat")
    room = relay.live.sessions._rooms[state.session_id]
    assert room.recorder.tap.put_bytes <= 100_000
    await relay.settle(lambda: room.session.settled)
    assert [entry.kind for entry in room.journal.read(0, 1000)].count("recording-gap") == 1


async def test_a_session_faster_than_its_rate_is_read_slower_and_loses_nothing(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farhand.relay.live.taps.BURST_BYTES", 1 << 20)
    relay.policy(recorded_bytes_per_second=4 << 20)
    await relay.settle(lambda: relay.live.taps.limits.per_second == 4 << 20)
    state, endpoint, console = await pair(relay, record=True)
    await endpoint.entry("recording-started")
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    held: list[object] = []
    tap = relay.live.sessions._rooms[state.session_id].recorder.tap
    real = tap.hold
    tap.hold = lambda sender: (held.append(sender), real(sender))
    for _ in range(48):
        endpoint.send(Shell.DATA, SHELL1, b"x" * 65_536)
    for _ in range(48):
        await console.until(Shell.DATA, SHELL1)
    assert held
    assert not tap._dropping
    assert tap.put_bytes > 48 * 65_536


async def test_what_waits_for_keys_has_a_budget_over_all_sessions(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farhand.relay.live.taps.MAX_EARLY_ALL", 300_000)
    monkeypatch.setattr("farhand.relay.live.recorder.LATE_S", 0.05)
    taps = []
    for _ in range(3):
        session_id = new_id()
        folder = relay.data / "relay" / "recordings" / session_id
        folder.mkdir(parents=True)
        (folder / "1.fhr").write_bytes(b"of an earlier incarnation")
        state = await relay.session(session_id=session_id, record=True, recording=relay.keys(1))
        endpoint = await relay.join(state, 1)
        endpoint.send(Shell.OPENED, SHELL1, b"{}")
        for _ in range(4):
            endpoint.send(Shell.DATA, SHELL1, b"x" * 50_000)
        endpoint.send(Durable.POST, CHAT, post("sent"))
        await endpoint.entry("chat")
        taps.append(relay.live.sessions._rooms[session_id].recorder.tap)
    assert 250_000 < relay.live.taps.early <= 300_000
    assert sum(tap.waiting for tap in taps) == relay.live.taps.early
    for tap in taps:
        relay.tell(SessionEnd(session_id=tap.session_id, reason="ended"))
    await relay.settle(lambda: relay.live.taps.early == 0)
