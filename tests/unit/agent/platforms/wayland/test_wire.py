"""The Wayland client against a compositor that says strange things: bounded, one sentence, no descriptor left open."""

import array
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.wayland import find
from farhand.agent.platforms.linux.wayland.wire import Connection


def event(number: int, opcode: int, *words: int, tail: bytes = b"") -> bytes:
    body = b"".join(struct.pack("=I", word) for word in words) + tail
    return struct.pack("=IHH", number, opcode, 8 + len(body)) + body


def text(value: bytes) -> bytes:
    return struct.pack("=I", len(value) + 1) + value + b"\0" + b"\0" * (-(len(value) + 1) % 4)


class Compositor:
    """Answers the first round trip with `offers`, then whatever a test sends."""

    def __init__(self, path: Path, answer: bytes | None = None) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self.path = str(path)
        offers = event(2, 0, 7, tail=text(b"wl_seat") + struct.pack("=I", 5))
        offers += event(2, 0, 8, tail=text(b"zwlr_data_control_manager_v1") + struct.pack("=I", 2))
        self._answer = offers + event(3, 0, 1) + event(1, 1, 3) if answer is None else answer
        self.there = threading.Event()
        self.asked = b""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self.peer, _address = self._server.accept()
        self.asked += self.peer.recv(4096)
        self.peer.sendall(self._answer)
        self.there.set()

    def say(self, data: bytes, fds: tuple[int, ...] = ()) -> None:
        assert self.there.wait(60)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.peer.sendmsg([data], rights)

    def close(self) -> None:
        if self.there.is_set():
            self.peer.close()
        self._server.close()


@pytest.fixture
def compositor(tmp_path: Path) -> Iterator[Callable[..., Compositor]]:
    made: list[Compositor] = []

    def make(answer: bytes | None = None) -> Compositor:
        made.append(Compositor(tmp_path / f"wayland-{len(made)}", answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_offered_and_how_requests_look(compositor) -> None:  # type: ignore[no-untyped-def]
    there = compositor()
    wayland = Connection(there.path)
    assert wayland.globals == {7: ("wl_seat", 5), 8: ("zwlr_data_control_manager_v1", 2)}
    assert there.asked == event(1, 1, 2) + event(1, 0, 3)
    seat = wayland.bind("wl_seat", 9)
    assert (seat.version, seat.number) == (5, 3), "the number that was given back is used again"
    wayland.flush()
    assert there.peer.recv(4096) == event(2, 0, 7, tail=text(b"wl_seat") + struct.pack("=II", 5, 3))
    with pytest.raises(DesktopError, match="lacks wl_shm") as caught:
        wayland.bind("wl_shm", 1)
    assert caught.value.reason == "unsupported"
    there.say(event(2, 1, 7))
    wayland.pump(5)
    assert not wayland.offers("wl_seat")
    wayland.close()


def test_events_of_what_was_destroyed_are_dropped_with_their_descriptors(compositor) -> None:  # type: ignore[no-untyped-def]
    there = compositor()
    wayland = Connection(there.path)
    source = wayland.bind("zwlr_data_control_manager_v1", 1).make("create_data_source")
    heard: list[str] = []
    source.on["send"] = lambda kind, fd: heard.append(kind) or os.close(fd)
    before = open_fds()
    send = event(source.number, 0, tail=text(b"text/plain"))
    ours, theirs = os.pipe()
    there.say(send, (theirs,))
    assert wayland.until(lambda: heard == ["text/plain"])
    source.destroy()
    there.say(send, (theirs,))
    there.say(event(2, 1, 7))
    assert wayland.until(lambda: not wayland.offers("wl_seat"))
    assert heard == ["text/plain"]
    os.close(ours)
    os.close(theirs)
    assert open_fds() == before
    wayland.close()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (event(1, 0, 3, 2, tail=text(b"no such thing")), "refused: .* 2 no such thing"),
        (event(99, 0), "no Wayland"),
        (event(1, 9), "no Wayland"),
        (event(2, 0, 1), "no Wayland"),
        (event(2, 0, 1, 0xFFFFFF), "no Wayland"),
        (struct.pack("=IHH", 1, 0, 4), "no Wayland"),
        (struct.pack("=IHH", 1, 0, 9) + b"x", "no Wayland"),
    ],
)
def test_strange_words_end_the_connection_with_a_sentence(compositor, said: bytes, sentence: str) -> None:  # type: ignore[no-untyped-def]
    there = compositor()
    wayland = Connection(there.path)
    there.say(said)
    with pytest.raises(DesktopError, match=sentence):
        wayland.until(lambda: False, 30)
    wayland.close()
    with pytest.raises(DesktopError, match=sentence):
        Connection(compositor(said).path)


def test_random_bytes_never_end_in_anything_but_a_sentence(compositor) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(160)
    for _ in range(60):
        there = compositor()
        wayland = Connection(there.path)
        words = event(chance.randint(0, 4), chance.randint(0, 3), *(chance.getrandbits(5) for _ in range(4)))
        there.say(words + chance.randbytes(chance.randint(0, 40)))
        there.peer.close()
        with pytest.raises(DesktopError):
            wayland.until(lambda: False, 30)
        wayland.close()


def test_a_compositor_that_goes_or_hangs_is_said_so(compositor) -> None:  # type: ignore[no-untyped-def]
    there = compositor()
    wayland = Connection(there.path)
    assert there.there.wait(60)  # its thread knows the peer that is to be closed
    there.close()
    with pytest.raises(DesktopError, match="has stopped") as caught:
        wayland.roundtrip()
    assert caught.value.reason == "no-display"
    wayland.close()
    with pytest.raises(DesktopError, match="does not answer"):
        Connection(compositor(b"").path, patience=0.1)
    with pytest.raises(DesktopError, match="has stopped"):
        Connection(there.path)


def test_the_compositor_of_the_session_is_found_and_asked_once(
    compositor,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert find.find_compositor(None) is None
    there = compositor()
    found = find.find_compositor(None)
    assert found is not None
    assert (found.path, found.has("wl_seat"), found.has("wl_shm")) == (there.path, True, False)
    assert find.find_compositor("wayland-0") is found, "asked once"
    assert find.find_compositor(there.path) is found
    monkeypatch.setenv("DISPLAY", ":0")
    assert find.find_compositor(None) is None, "the session is X's"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert find.find_compositor(None) is found
    assert find.find_compositor(":0") is None
    monkeypatch.setenv("XDG_SESSION_TYPE", "x11")
    assert find.find_compositor(None) is None
    there.close()
    assert find.find_compositor("wayland-0") is None
    assert find.find_compositor("wayland-9") is None
    assert find.find_compositor("wayland\0") is None
