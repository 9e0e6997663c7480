"""A stream whose library fails, or whose producer changes what it said: an error is told, and no memory is believed."""

import ctypes as c
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.pipewire import stream as module
from farhand.agent.platforms.linux.pipewire.library import Buffer, Chunk, Data, Held
from farhand.agent.platforms.linux.pipewire.stream import PipeWireStream


class Library:
    """Makes what it is asked for, but for one thing, and notes every call."""

    def __init__(self, missing: str = "") -> None:
        self.missing = missing
        self.calls: list[str] = []
        self.filled: list[int] = []
        self.given_back: list[int] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_values: Any) -> int | None:
            self.calls.append(name)
            if name == self.missing:
                return None
            return 1 if name.endswith(("_new", "_get_loop", "_connect", "_string")) else 0

        return call

    def pw_stream_dequeue_buffer(self, _stream: Any) -> int | None:
        return self.filled.pop(0) if self.filled else None

    def pw_stream_queue_buffer(self, _stream: Any, held: c.c_void_p) -> int:
        self.given_back.append(held.value or 0)
        return 0


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    found = Library()
    monkeypatch.setattr(module, "load", lambda: found)
    monkeypatch.setattr(module, "Timer", lambda loop, _call: SimpleNamespace(loop=loop, set=lambda _seconds: None))
    return found


class Filled:
    """A buffer with a picture of 2 by 2 pixels."""

    def __init__(self, count: int = 1, *, chunk: bool = True) -> None:
        self.words = (c.c_uint32 * 8)(1, 2, 3, 4, 5, 6, 7, 8)
        """The last four are somebody else's."""
        self.chunk = Chunk(offset=0, size=16, stride=8)
        self.data = Data(size=16, data=c.addressof(self.words))
        if chunk:
            self.data.chunk = c.pointer(self.chunk)
        self.buffer = Buffer(datas_count=count)
        if count:
            self.buffer.datas = c.pointer(self.data)
        self.held = Held(c.pointer(self.buffer))
        self.address = c.addressof(self.held)


def pixels(stream: PipeWireStream) -> list[int]:
    return [int(word) & 0xFF for word in np.ravel(stream.read(0, 0, 2, 2))]


@pytest.mark.parametrize("missing", ["pw_thread_loop_new", "pw_context_new", "pw_context_connect", "pw_stream_new"])
def test_what_the_library_cannot_make_is_an_error(library: Library, missing: str) -> None:
    library.missing = missing
    with pytest.raises(DesktopError):
        PipeWireStream(1, lambda: None)
    assert library.calls[-1] == ("pw_thread_loop_new" if missing == "pw_thread_loop_new" else "pw_thread_loop_destroy")
    assert ("pw_stream_add_listener" in library.calls, "pw_stream_destroy" in library.calls) == (False, False)
    assert ("pw_context_destroy" in library.calls) is (missing in ("pw_context_connect", "pw_stream_new"))


def test_a_timer_that_fails_leaves_no_loop(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_values: Any) -> None:
        raise DesktopError("error", "No timer.")

    monkeypatch.setattr(module, "Timer", fails)
    with pytest.raises(DesktopError, match="No timer"):
        PipeWireStream(1, lambda: None)
    assert library.calls[-1] == "pw_thread_loop_destroy"


def test_nothing_is_touched_after_it_was_closed(library: Library) -> None:
    stream, filled = PipeWireStream(1, lambda: None), Filled()
    stream.size = (2, 2)
    library.filled = [filled.address]
    stream._on_process(None)
    assert pixels(stream) == [1, 2, 3, 4]
    stream.close()
    before = list(library.calls)
    stream.close()
    assert pixels(stream) == [0, 0, 0, 0]
    stream.take()
    assert library.calls == before


def test_buffers_without_a_picture_go_back(library: Library) -> None:
    stream = PipeWireStream(1, lambda: None)
    parts = [Filled(0), Filled(chunk=False), Filled()]
    library.filled = [part.address for part in parts]
    stream._on_process(None)
    assert library.given_back == [parts[0].address, parts[1].address]
    assert stream.came == 1


def test_a_buffer_that_cannot_be_read_goes_back_too(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, good, bad = PipeWireStream(1, lambda: None), Filled(), Filled()
    stream.size = (2, 2)
    library.filled = [good.address]
    stream._on_process(None)

    def fails(_buffer: Buffer) -> None:
        raise ValueError("strange")

    monkeypatch.setattr(module, "damage_of", fails)
    library.filled = [bad.address]
    with pytest.raises(ValueError, match="strange"):
        stream._on_process(None)
    assert library.given_back == [bad.address]
    assert pixels(stream) == [1, 2, 3, 4], "the one before is still there"


def test_what_the_producer_says_is_read_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, filled = PipeWireStream(1, lambda: None), Filled()
    stream.size = (2, 2)
    library.filled = [filled.address]
    stream._on_process(None)
    offsets = iter([0, 16, 16])

    class Said:
        """Moves on to memory that is not the picture's as soon as it was checked."""

        size, stride, flags = 16, 8, 0

        @property
        def offset(self) -> int:
            return next(offsets)

    data = SimpleNamespace(size=16, data=c.addressof(filled.words), chunk=SimpleNamespace(contents=Said()))
    monkeypatch.setattr(module, "buffer_of", lambda _held: SimpleNamespace(datas_count=1, datas=[data]))
    assert pixels(stream) == [1, 2, 3, 4]
    assert pixels(stream) == [0, 0, 0, 0], "outside of it"
