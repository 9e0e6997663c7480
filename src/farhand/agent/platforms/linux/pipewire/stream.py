"""Pictures of one PipeWire node, through the machine's own libpipewire.

Why it exists: that is where GNOME and portals put a screen. The library is called by ctypes: it is there wherever such
a desktop runs, and only its stable functions and structures are used (spa/buffer/buffer.h, pipewire/stream.h).

Rules: the library has a thread of its own; what it calls here runs there, under its lock. The newest buffer is kept
until the next one comes, so nothing is copied before somebody reads; reading takes the lock. Pictures lie in plain or
shared memory (no graphics card's), in 24-bit colours. `heard` is called in the library's thread when there is news.

What is mended here: PipeWire 0.3 loses a picture where its producer hands out another one while we take the last, and
where that was the last of a burst the screen stays old. But each buffer's time lies in shared memory: a while after the
last picture came the buffers are looked through, and where one was filled and did not come the stream is connected
anew. That brings a fresh picture, and brings back the lost buffers, of which there are few.
"""

import contextlib
import ctypes as c
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from farhand.agent.core.desktop import DesktopError, Rect
from farhand.agent.platforms.linux.pipewire.library import (
    ANY_CALL,
    BUFFER_CALL,
    PARAM_CALL,
    STATE_CALL,
    Buffer,
    Events,
    Hook,
    Timer,
    buffer_of,
    load,
    made,
    picture_of,
)
from farhand.agent.platforms.linux.pipewire.metas import (
    BGRA,
    BGRX,
    CURSOR,
    CURSOR_SIZE,
    DAMAGE,
    HEADER,
    HEADER_SIZE,
    LARGEST_CURSOR,
    RECT_SIZE,
    RGBA,
    RGBX,
    damage_of,
    read_cursor,
    read_place,
    time_of,
    told,
)
from farhand.agent.platforms.linux.pipewire.pod import (
    FLAGS,
    FRACTION,
    ID,
    INT,
    ONE_OF,
    RANGE,
    RECTANGLE,
    choice,
    read_thing,
    thing,
    value,
)
from farhand.agent.platforms.linux.wayland.picture import colours
from farhand.agent.texts import _

if TYPE_CHECKING:
    from farhand.agent.core.desktop import Pixels

_FORMAT_OBJECT, _BUFFERS_OBJECT, _META_OBJECT = 0x40003, 0x40004, 0x40005
_ENUM_FORMAT, _FORMAT, _BUFFERS, _META = 3, 4, 5, 6
_MEDIA_TYPE, _MEDIA_SUBTYPE, _VIDEO, _RAW = 1, 2, 2, 1
_VIDEO_FORMAT, _VIDEO_SIZE, _VIDEO_RATE, _VIDEO_MOST_RATE = 0x20001, 0x20003, 0x20004, 0x20005
_DATA_TYPE, _PLAIN_OR_SHARED = 6, 1 << 1 | 1 << 2
_MOST_RECTS = 16
_CORRUPT = 1
_ERROR, _UNCONNECTED, _CONNECTING = -1, 0, 1
_AUTOCONNECT, _MAP_BUFFERS, _INPUT = 1, 4, 0
_MOST_RATE = 60
_PATIENCE = 10.0
_SETTLED, _SLOWEST = 0.15, 5.0
"""Seconds after the last picture when it is looked whether one was left behind; at most, where that has not helped."""


class PipeWireStream:
    """A node's pictures. Raises DesktopError. `fd` is a connection that a portal gave (it is the library's from
    here on); without it the account's own PipeWire is asked."""

    def __init__(self, node: int, heard: Callable[[], None], fd: int | None = None) -> None:
        self.waiting = False
        """A picture came that was not taken yet."""
        self.came = 0
        """How many pictures have come."""
        self.moved = 0
        """How often the pointer had another shape."""
        self.size = (0, 0)
        """Width and height of the pictures."""
        self.error = ""
        self.ended = False
        self.place: tuple[int, int] | None = None
        """The pointer's, in pixels of the picture; None where it is not in it."""
        self.followed = False
        """`heard` is called for a new place too."""
        self.shape: tuple[int, int, int, int, bytes] | None = None
        """The pointer's, as `ScreenSource.cursor` returns it."""
        self.anew = 0
        """How often it was connected anew."""
        self._heard = heard
        self._node = node
        self._held = 0
        self._buffers: dict[int, int] = {}
        """Each with the time at which it was filled when it last came."""
        self._late: set[tuple[int, int]] = set()
        self._settled = _SETTLED
        self._again = False
        self._last: Pixels | None = None
        self._damage: list[Rect] | None = []
        self._reverse = False
        self._pw = load()
        self._core: int | None = None
        self._stream: c.c_void_p | None = None
        self._context: c.c_void_p | None = None
        self._loop: c.c_void_p | None = None
        self._hook = Hook()
        self._events = Events(
            version=2,
            state=STATE_CALL(self._on_state),
            param=PARAM_CALL(self._on_param),
            add=BUFFER_CALL(self._on_add),
            remove=BUFFER_CALL(self._on_remove),
            process=ANY_CALL(self._on_process),
        )
        try:
            self._open(fd)
        except BaseException:
            self.close()
            raise

    def _open(self, fd: int | None) -> None:
        pw = self._pw
        self._loop = made(pw.pw_thread_loop_new(b"capture", None))
        loop = pw.pw_thread_loop_get_loop(self._loop)
        self._timer = Timer(loop, self._on_settled)
        self._context = made(pw.pw_context_new(c.c_void_p(loop), None, c.c_size_t(0)))
        if pw.pw_thread_loop_start(self._loop) < 0:
            made(None)
        with self._locked():
            if fd is None:
                self._core = pw.pw_context_connect(self._context, None, c.c_size_t(0))
            else:
                self._core = pw.pw_context_connect_fd(self._context, c.c_int(fd), None, c.c_size_t(0))
            if not self._core:
                raise DesktopError("error", _("PipeWire, which hands out this desktop's picture, does not run."))
            # Where the screen has gone, nothing else (a camera) is to take its place.
            wishes = b"media.type=Video media.category=Capture media.role=Screen node.dont-reconnect=true"
            properties = c.c_void_p(pw.pw_properties_new_string(wishes))
            self._stream = made(pw.pw_stream_new(c.c_void_p(self._core), b"capture", properties))
            pw.pw_stream_add_listener(self._stream, c.byref(self._hook), c.byref(self._events), None)
            if self._connect() < 0:
                raise DesktopError("error", _("PipeWire, which hands out this desktop's picture, refused it."))

    def _connect(self) -> int:
        params, kept = _list(_formats())
        how = c.c_int(_INPUT), c.c_uint32(self._node), c.c_int(_AUTOCONNECT | _MAP_BUFFERS)
        return int(self._pw.pw_stream_connect(self._stream, *how, params, c.c_uint32(len(kept))))

    def wait(self, patience: float = _PATIENCE) -> None:
        """Wait for the first picture. Raises DesktopError."""
        deadline = time.monotonic() + patience
        while not self.came:
            if self.ended or self.error or time.monotonic() > deadline:
                raise DesktopError("error", _("This desktop's picture does not come: {text}").format(text=self.error))
            time.sleep(0.005)

    def take(self) -> list[Rect] | None:
        """Return what has changed since the last call, None for everything, and count it as taken."""
        with self._locked():
            damage, self._damage, self.waiting = self._damage, [], False
        return damage

    def read(self, x: int, y: int, width: int, height: int) -> "Pixels":
        """Return a part of the newest picture; black where it has become smaller."""
        whole = np.zeros((height, width), np.uint32)
        with self._locked():
            pixels = self._pixels()
            if pixels is not None:
                part = pixels[y : y + height, x : x + width]
                whole[: part.shape[0], : part.shape[1]] = colours(part, self._reverse)
        return whole

    def close(self) -> None:
        """Disconnect; `read` is black from now on."""
        pw, loop = self._pw, self._loop
        if loop is None:
            return
        self._loop = None
        pw.pw_thread_loop_stop(loop)
        if self._stream:
            pw.pw_stream_destroy(self._stream)
        if self._core:
            pw.pw_core_disconnect(c.c_void_p(self._core))
        if self._context:
            pw.pw_context_destroy(self._context)
        pw.pw_thread_loop_destroy(loop)
        self._stream = self._context = self._core = self._last = None
        self._held = 0
        self._buffers.clear()

    @contextlib.contextmanager
    def _locked(self) -> Any:
        loop = self._loop
        if loop is None:  # it is closed: there is no other thread any more
            yield
            return
        self._pw.pw_thread_loop_lock(loop)
        try:
            yield
        finally:
            self._pw.pw_thread_loop_unlock(loop)

    # --- in the library's thread ---

    def _on_state(self, _data: Any, _old: int, new: int, error: bytes | None) -> None:
        if new == _ERROR:
            self.error = (error or b"?").decode(errors="replace")[:200]
        if new == _CONNECTING:
            self._again = False
        self.ended = new == _ERROR or (new == _UNCONNECTED and not self._again)
        if self.ended:
            self._heard()

    def _on_param(self, _data: Any, number: int, address: int | None) -> None:
        if number != _FORMAT or not address:
            return
        (length,) = struct.unpack("=I", c.string_at(address, 4))
        found = read_thing(c.string_at(address, 8 + min(length, 4096)))
        width, height = found.get(_VIDEO_SIZE, (0, 0))
        self.size = (width, height)
        self._reverse = found.get(_VIDEO_FORMAT, (0,))[0] in (RGBX, RGBA)
        sizes = [(CURSOR_SIZE + side * side * 4,) for side in (LARGEST_CURSOR, 1, 1024)]
        params, kept = _list(
            thing(_BUFFERS_OBJECT, _BUFFERS, {_DATA_TYPE: choice(FLAGS, INT, (_PLAIN_OR_SHARED,))}),
            thing(
                _META_OBJECT,
                _META,
                {
                    1: value(ID, DAMAGE),
                    2: choice(RANGE, INT, (RECT_SIZE * _MOST_RECTS,), (RECT_SIZE,), (RECT_SIZE * 64,)),
                },
            ),
            thing(_META_OBJECT, _META, {1: value(ID, CURSOR), 2: choice(RANGE, INT, *sizes)}),
            thing(_META_OBJECT, _META, {1: value(ID, HEADER), 2: value(INT, HEADER_SIZE)}),
        )
        self._pw.pw_stream_update_params(self._stream, params, c.c_uint32(len(kept)))
        self._heard()

    def _on_add(self, _data: Any, held: int) -> None:
        self._buffers[held] = 0

    def _on_remove(self, _data: Any, held: int) -> None:
        self._buffers.pop(held, None)
        if held == self._held:
            self._held = 0

    def _on_process(self, _data: Any) -> None:
        news = False
        try:
            while held := self._pw.pw_stream_dequeue_buffer(self._stream):
                news |= self._keep(held)
        finally:
            self._timer.set(self._settled)
        if news:
            self._heard()

    def _keep(self, held: int) -> bool:
        """Keep a buffer that came, if it has a picture, or else give it back. Say whether there is news."""
        try:
            buffer = buffer_of(held)
            self._buffers[held] = time_of(buffer)
            news = self._read_pointer(buffer)
            picture = picture_of(buffer)
            rects = damage_of(buffer)
        except BaseException:
            self._give_back(held)  # there are few of them
            raise
        if picture is None or not picture[1].size or picture[1].flags & _CORRUPT:
            self._give_back(held)  # only the pointer was told
            return news
        if self._held:
            self._give_back(self._held)
        self._held, self._last = held, None
        self.came += 1
        self.waiting = True
        if rects is None or self._damage is None or len(self._damage) + len(rects) > 4 * _MOST_RECTS:
            self._damage = None
        else:
            self._damage += rects
        return True

    def _give_back(self, held: int) -> None:
        self._pw.pw_stream_queue_buffer(self._stream, c.c_void_p(held))

    def _on_settled(self) -> None:
        late = {(held, now) for held, came in self._buffers.items() if (now := time_of(buffer_of(held))) != came}
        if not late:
            self._settled = _SETTLED
        elif late & self._late:
            self._settled = min(self._settled * 2, _SLOWEST)
            self._reconnect()
        else:
            self._timer.set(self._settled)  # it may be on its way
        self._late = late

    def _reconnect(self) -> None:
        self.anew += 1
        pixels = self._pixels()
        self._last = None if pixels is None else pixels.copy()
        self._again = True
        self._pw.pw_stream_disconnect(self._stream)
        if self._connect() < 0:
            self.ended = True
            self._heard()

    def _read_pointer(self, buffer: Buffer) -> bool:
        data = told(buffer, CURSOR)
        place, before = read_place(data), self.place
        self.place = place
        shape = read_cursor(data)
        if shape is None or shape == self.shape:
            return self.followed and place != before
        self.shape = shape
        self.moved += 1
        return True

    def _pixels(self) -> "Pixels | None":
        if not self._held:
            return self._last
        picture = picture_of(buffer_of(self._held))
        if picture is None:
            return None
        data, chunk = picture
        width, height, stride = *self.size, chunk.stride or self.size[0] * 4
        size = stride * height
        if stride < width * 4 or stride % 4 or chunk.offset + size > data.size or not size:
            return None
        words = (c.c_uint32 * (size // 4)).from_address(data.data + chunk.offset)
        return np.ctypeslib.as_array(words).reshape(height, stride // 4)[:, :width]


def _formats() -> bytes:
    return thing(
        _FORMAT_OBJECT,
        _ENUM_FORMAT,
        {
            _MEDIA_TYPE: value(ID, _VIDEO),
            _MEDIA_SUBTYPE: value(ID, _RAW),
            _VIDEO_FORMAT: choice(ONE_OF, ID, (BGRX,), (BGRX,), (BGRA,), (RGBX,), (RGBA,)),
            _VIDEO_SIZE: choice(RANGE, RECTANGLE, (1920, 1080), (1, 1), (16384, 16384)),
            _VIDEO_RATE: choice(RANGE, FRACTION, (0, 1), (0, 1), (_MOST_RATE, 1)),
            _VIDEO_MOST_RATE: choice(RANGE, FRACTION, (_MOST_RATE, 1), (1, 1), (_MOST_RATE, 1)),
        },
    )


def _list(*pods: bytes) -> tuple[Any, list[Any]]:
    kept = [c.create_string_buffer(each, len(each)) for each in pods]
    return (c.c_void_p * len(kept))(*[c.addressof(each) for each in kept]), kept
