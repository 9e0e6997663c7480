"""The thread that writes recordings appends everything in order, also where the disk takes it in small bits."""

import os
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from farhand.relay.live import segments
from farhand.relay.live.segments import Begin, Piece, Seal, SegmentFile, TapRoom, create_file
from farhand.relay.live.taps import RecordingLimits


def test_a_disk_that_takes_little_at_once_gets_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, [bytes(b"".join(parts))[:7]]))
    file = SegmentFile(create_file(tmp_path / "session" / "1.fhr"))
    for number in range(5):
        file.write([b"head %d " % number, b"body" * number, b"tail"])
    file.close()
    wanted = b"".join(b"head %d " % number + b"body" * number + b"tail" for number in range(5))
    assert (tmp_path / "session" / "1.fhr").read_bytes() == wanted
    assert file.size == len(wanted)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    os.close(create_file(tmp_path / "1.fhr"))
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "1.fhr")


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_what_is_queued_is_written_in_order_and_told_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(segments, "WRITE_BYTES", at_once)
    calls: list[tuple[Any, ...]] = []
    room = TapRoom(tmp_path, RecordingLimits(1 << 30, 1 << 30), lambda call, *args: calls.append((call, *args)))
    recording = SimpleNamespace(began="began", stopped="stopped")
    items = deque([Begin(3, [b"head"]), *(Piece([b"<%d" % n, b">"], 10) for n in range(5)), Seal([b"end"])])
    tap: Any = SimpleNamespace(
        session_id="session", recording=recording, items=items, file=None, done_bytes=0, put_bytes=60, release="release"
    )
    assert room._drain(tap) == ""
    assert (tmp_path / "session" / "3.fhr").read_bytes() == b"head<0><1><2><3><4>end"
    assert tap.done_bytes == 60
    assert tap.file is None
    assert calls == [("began", 3), ("release",)]
    tap.items = deque([Begin(4, [b"head"]), Seal([b"left"], "the disk is full")])
    room._open.append(tap)
    room._guard(tap)
    assert tap.broken == "the disk is full"
    assert calls[2:] == [("began", 4), ("release",), ("stopped", "the disk is full")]
    assert (tmp_path / "session" / "4.fhr").read_bytes() == b"headleft"
    room.stop()
