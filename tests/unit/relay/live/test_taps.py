"""What the recorder takes is sealed in order: also what waited for keys, however much, and what comes meanwhile."""

import asyncio
from pathlib import Path

from tests.unit.relay.harness import Harness
from tests.unit.relay.live.test_sessions import SHELL1, unkeyed

from farhand.protocol.bus import SessionEnd
from farhand.protocol.channels import Shell
from farhand.recording.reader import SegmentReader


def recorded(path: Path, data_key: str) -> list[bytes]:
    """The payloads of a segment."""
    return [bytes(frame.payload) for frame in SegmentReader(path.read_bytes(), bytes.fromhex(data_key)).frames()]


async def test_a_long_backlog_goes_first_and_in_order(relay: Harness) -> None:
    state, endpoint, path = await unkeyed(relay)
    tap = relay.live.sessions._rooms[state.session_id].recorder.tap
    sent = [b"%08d" % number + bytes(50_000) for number in range(60)]
    for payload in sent[:40]:
        endpoint.send(Shell.DATA, SHELL1, payload)
    await relay.settle(lambda: tap.put_bytes > 40 * 50_000)
    assert tap.waiting == tap.put_bytes
    keys = relay.keys(2)
    tap.use(keys)
    assert tap._backlog, "others have their turn meanwhile"
    for payload in sent[40:]:
        endpoint.send(Shell.DATA, SHELL1, payload)
    await relay.settle(lambda: tap.put_bytes > 60 * 50_000 and not tap._backlog)
    await relay.settle(lambda: tap.waiting == 0)
    relay.tell(SessionEnd(session_id=state.session_id, reason="ended"))
    await relay.settle(lambda: b"FHRZ" in path.read_bytes())
    assert recorded(path, keys.data_key)[2:] == sent


async def test_an_end_seals_what_still_waits_to_be_sealed(relay: Harness) -> None:
    state, endpoint, path = await unkeyed(relay)
    tap = relay.live.sessions._rooms[state.session_id].recorder.tap
    for number in range(40):
        endpoint.send(Shell.DATA, SHELL1, b"%08d" % number + bytes(50_000))
    await relay.settle(lambda: tap.put_bytes > 40 * 50_000)
    keys = relay.keys(2)
    tap.use(keys)
    tap.end("ended")
    await relay.settle(lambda: path.exists() and b"FHRZ" in path.read_bytes())
    assert len(recorded(path, keys.data_key)) == 42


async def test_a_fault_in_sealing_ends_the_segment_and_not_the_session(relay: Harness) -> None:
    state, endpoint, path = await unkeyed(relay)
    tap = relay.live.sessions._rooms[state.session_id].recorder.tap
    tap.use(relay.keys(2))
    await endpoint.entry("recording-started")

    def broken(*_: object) -> bool:
        raise ValueError("a fault")

    tap._writer.add = broken
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"lost")
    assert (await endpoint.entry("recording-gap")).data["reason"] == "a fault"
    await relay.settle(lambda: tap.file is None)
    relay.record_with(state, 3)
    assert (await endpoint.entry("recording-started")).data == {"segment": 3}
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"kept")
    third = path.with_name("3.fhr")
    await relay.settle(lambda: b"FHRC" in third.read_bytes())
    await asyncio.sleep(0)
    assert tap.broken == ""
