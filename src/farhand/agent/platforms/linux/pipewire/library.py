"""libpipewire by ctypes: its structures, the calls it makes to us, and a timer of its loop.

Rules: only what its stable binary interface has (spa/buffer/buffer.h, spa/support/loop.h, pipewire/stream.h,
pipewire/loop.h). The library is loaded when a stream is opened; where it is missing that is said, see `find`.
"""

import ctypes as c
from collections.abc import Callable
from typing import Any

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import DesktopError, UnsupportedError
from farhand.agent.platforms.linux.pipewire.find import LIBRARY
from farhand.agent.texts import _


class Hook(c.Structure):
    _fields_ = [("space", c.c_void_p * 6)]


class Meta(c.Structure):
    _fields_ = [("kind", c.c_uint32), ("size", c.c_uint32), ("data", c.c_void_p)]


class Chunk(c.Structure):
    _fields_ = [("offset", c.c_uint32), ("size", c.c_uint32), ("stride", c.c_int32), ("flags", c.c_int32)]


class Data(c.Structure):
    _fields_ = [
        ("kind", c.c_uint32),
        ("flags", c.c_uint32),
        ("fd", c.c_int64),
        ("offset", c.c_uint32),
        ("size", c.c_uint32),
        ("data", c.c_void_p),
        ("chunk", c.POINTER(Chunk)),
    ]


class Buffer(c.Structure):
    _fields_ = [
        ("metas_count", c.c_uint32),
        ("datas_count", c.c_uint32),
        ("metas", c.POINTER(Meta)),
        ("datas", c.POINTER(Data)),
    ]


class Time(c.Structure):
    _fields_ = [("seconds", c.c_long), ("nanoseconds", c.c_long)]


class Held(c.Structure):
    _fields_ = [("buffer", c.POINTER(Buffer))]


ANY_CALL = c.CFUNCTYPE(None, c.c_void_p)
STATE_CALL = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_int, c.c_char_p)
PARAM_CALL = c.CFUNCTYPE(None, c.c_void_p, c.c_uint32, c.c_void_p)
BUFFER_CALL = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
_TIMER = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64)
_ADD_TIMER = c.CFUNCTYPE(c.c_void_p, c.c_void_p, _TIMER, c.c_void_p)
_SET_TIMER = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.POINTER(Time), c.c_void_p, c.c_bool)


class Events(c.Structure):
    _fields_ = [
        ("version", c.c_uint32),
        ("destroy", c.c_void_p),
        ("state", STATE_CALL),
        ("control", c.c_void_p),
        ("io", c.c_void_p),
        ("param", PARAM_CALL),
        ("add", BUFFER_CALL),
        ("remove", BUFFER_CALL),
        ("process", ANY_CALL),
        ("drained", c.c_void_p),
        ("command", c.c_void_p),
        ("trigger", c.c_void_p),
    ]


class Methods(c.Structure):
    _fields_ = [
        ("version", c.c_uint32),
        ("others", c.c_void_p * 6),
        ("add_timer", _ADD_TIMER),
        ("set_timer", _SET_TIMER),
    ]


class Utilities(c.Structure):
    _fields_ = [
        ("kind", c.c_char_p),
        ("version", c.c_uint32),
        ("methods", c.POINTER(Methods)),
        ("object", c.c_void_p),
    ]


class Loop(c.Structure):
    _fields_ = [("others", c.c_void_p * 3), ("utilities", c.POINTER(Utilities))]


def load() -> Any:
    """Return the library, ready to use. Raises UnsupportedError."""
    try:
        library = c.CDLL(LIBRARY)
    except OSError as error:
        raise UnsupportedError(why("no-pipewire")) from error
    pointers = "thread_loop_new thread_loop_get_loop context_new context_connect context_connect_fd stream_new"
    for name in f"{pointers} properties_new_string stream_dequeue_buffer".split():
        getattr(library, f"pw_{name}").restype = c.c_void_p
    library.pw_init(None, None)
    return library


def made(address: int | None) -> c.c_void_p:
    """Return what the library made. Raises DesktopError where it could not."""
    if not address:
        raise DesktopError("error", _("PipeWire, which hands out this desktop's picture, refused it."))
    return c.c_void_p(address)


class Timer:
    """Calls in the loop's thread, once for each time it is set. Raises DesktopError."""

    def __init__(self, loop: int, call: Callable[[], None]) -> None:
        utilities = c.cast(loop, c.POINTER(Loop)).contents.utilities.contents
        self._object, self._methods = utilities.object, utilities.methods.contents
        self._call = _TIMER(lambda _data, _times: call())
        self._source = made(self._methods.add_timer(self._object, self._call, None))

    def set(self, seconds: float) -> None:
        """Call after so many seconds, and not before."""
        when = Time(int(seconds), int(seconds % 1 * 1e9))
        self._methods.set_timer(self._object, self._source, c.byref(when), None, False)


def buffer_of(held: int) -> Buffer:
    """Return what a buffer of a stream (pw_buffer) holds."""
    found: Buffer = c.cast(held, c.POINTER(Held)).contents.buffer.contents
    return found


def picture_of(buffer: Buffer) -> tuple[Data, Chunk] | None:
    """Return where a buffer's picture is, and what its producer says of it; None where it has none.

    What the producer says is a copy: it lies in shared memory, where it may change after it was checked.
    """
    if not buffer.datas_count or not buffer.datas:
        return None
    data = buffer.datas[0]
    if not data.data or not data.chunk:
        return None
    said = data.chunk.contents
    return data, Chunk(offset=said.offset, size=said.size, stride=said.stride, flags=said.flags)
