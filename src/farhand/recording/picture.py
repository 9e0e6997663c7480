"""Draws the screen of a recording in memory: frames in, pixels out.

For the export to video, for thumbnails, and as the reference that the encoders are tested against. The layout of screen
frames is that of docs/protocol/screen.md; a test holds the constants here equal to the live protocol's.

Rules: the frames come from an endpoint and are hostile until they fit: sizes are checked before anything is unpacked,
and what does not fit raises PictureError and draws nothing further until a full picture begins.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import simplejpeg
import zstandard

KIND: Final = 2
"""Channel kind of the screen; bit KIND of `ChunkHead.kinds`."""
STARTED: Final = 17
STOPPED: Final = 18
UPDATE: Final = 19
CURSOR: Final = 20
POINTER: Final = 21
KINDS: Final = 1 << KIND
MARKS: Final = 1 << 16 + KIND
"""Bits of `recording.format.kind_bits`: any frame of the screen; one that says where something begins or ends."""

UPDATE_HEAD: Final = struct.Struct("<IIBBH")
RECT_HEAD: Final = struct.Struct("<HHHHBBHI")
COPY_DATA: Final = struct.Struct("<hh")
CURSOR_HEAD: Final = struct.Struct("<HHHH")
POINTER_DATA: Final = struct.Struct("<HH")
KEY: Final = 1
COMPLETE: Final = 2
MAX_PIXELS: Final = 1 << 26
"""Pixels of the largest screen that is drawn (a wall of two 8K screens); four bytes each."""
MOST_COVERED: Final = 4
"""How many screens the rectangles of an update may cover, those that copy (`MOST_COPIED`) left aside."""
MOST_COPIED: Final = 16
MAX_CURSOR: Final = 256
"""Longest side of a pointer that is drawn, in pixels."""
BLANK: Final = 0x10202F
"""Colour of a screen of which nothing is known yet."""

Pixels = npt.NDArray[np.uint32]
"""Rows of BGRX pixels; the fourth byte means nothing."""
Place = tuple[int, int]


class PictureError(ValueError):
    """A frame is not what the protocol says; the message names what does not fit."""


class _Started(msgspec.Struct):
    width: int
    height: int


class Picture:
    """One screen over time. `take` every frame of the screen's channel in order."""

    encodings: "dict[int, Drawing]" = {}
    """How the rectangles of an update are drawn; `ENCODINGS` unless a subclass knows more."""

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.pixels: Pixels = np.full((height, width), BLANK, np.uint32)
        """The screen as it is now, without the pointer. 0 x 0 while nothing is shared."""
        self.pointer: Place | None = None
        """Where the pointer's hot spot is; None: not known (older endpoints do not tell), or outside."""
        self._shape: tuple[int, int, npt.NDArray[np.uint8]] | None = None
        """Hot spot and RGBA, straight alpha."""
        self.known = bool(width and height)
        """A picture has been drawn and nothing was missed since."""
        self.flags = 0
        """Flags of the newest update."""
        self._zstd = zstandard.ZstdDecompressor()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def lose(self) -> None:
        """Something is missing here: nothing is drawn until a full picture begins."""
        self.known = False

    def take(self, frame_type: int, payload: bytes | memoryview) -> bool:
        """Take one frame; say whether what is shown may have changed. Raises PictureError."""
        if frame_type == UPDATE:
            return self._update(payload)
        if frame_type == STARTED:
            return self._start(payload)
        if frame_type == CURSOR:
            return self._cursor(payload)
        if frame_type == POINTER:
            return self._moved(payload)
        if frame_type == STOPPED:
            changed, self.known = self.known, False
            self.pointer = self._shape = None
            self.pixels = np.zeros((0, 0), np.uint32)
            return changed
        return False

    def shown(self) -> Pixels:
        """Return the screen as a person saw it there: with the pointer, where its place and shape are known. A copy
        when there is something to draw."""
        if self.pointer is None or self._shape is None:
            return self.pixels
        hot_x, hot_y, shape = self._shape
        x, y = self.pointer[0] - hot_x, self.pointer[1] - hot_y
        left, top = max(x, 0), max(y, 0)
        pixels = np.ascontiguousarray(self.pixels).copy()
        part = pixels.view(np.uint8).reshape(*pixels.shape, 4)[
            top : max(y + shape.shape[0], 0), left : max(x + shape.shape[1], 0), :3
        ]
        drawn = shape[top - y :, left - x :][: part.shape[0], : part.shape[1]].astype(np.uint16)
        alpha = drawn[..., 3:]
        part[:] = (drawn[..., 2::-1] * alpha + part * (255 - alpha) + 127) // 255
        return pixels

    def _cursor(self, payload: bytes | memoryview) -> bool:
        if len(payload) < CURSOR_HEAD.size:
            raise PictureError("a pointer's shape is shorter than its head")
        hot_x, hot_y, width, height = CURSOR_HEAD.unpack_from(payload)
        data = payload[CURSOR_HEAD.size :]
        if max(width, height) > MAX_CURSOR or len(data) != width * height * 4:
            raise PictureError("a pointer's shape does not fit its size")
        shape = np.frombuffer(data, np.uint8).reshape(height, width, 4)
        self._shape = (hot_x, hot_y, shape.copy()) if shape.size else None
        return self.known and self.pointer is not None

    def _moved(self, payload: bytes | memoryview) -> bool:
        if len(payload) != POINTER_DATA.size:
            raise PictureError("a pointer's place has 4 bytes")
        before, place = self.pointer, POINTER_DATA.unpack(payload)
        self.pointer = place if place[0] < self.size[0] and place[1] < self.size[1] else None
        return self.known and self._shape is not None and self.pointer != before

    def _start(self, payload: bytes | memoryview) -> bool:
        started = _decode(payload, _Started)
        width, height = started.width, started.height
        if width < 1 or height < 1 or width * height > MAX_PIXELS:
            raise PictureError(f"a screen of {width} x {height} pixels is not drawn")
        self.known = False
        if self.size != (width, height):
            self.pixels = np.full((height, width), BLANK, np.uint32)
            return True
        return False

    def _update(self, payload: bytes | memoryview) -> bool:
        known, self.known = self.known, False
        if len(payload) < UPDATE_HEAD.size:
            raise PictureError("an update is shorter than its head")
        _seq, _ms, self.flags, _, count = UPDATE_HEAD.unpack_from(payload)
        if not known and not self.flags & KEY:
            return False
        self.draw(memoryview(payload)[UPDATE_HEAD.size :], count)
        self.known = True
        return bool(count)

    def unpacked(self, data: memoryview, size: int) -> npt.NDArray[np.uint8]:
        """Return the `size` bytes that a zstd frame holds. Raises PictureError when it holds, or says, another size."""
        # Asked first: unpacking takes the memory that the data says.
        try:
            if zstandard.frame_content_size(data) != size:
                raise PictureError("packed pixels do not fit their rectangle")
            raw = self._zstd.decompress(data)
        except zstandard.ZstdError as error:
            raise PictureError("packed pixels cannot be unpacked") from error
        if len(raw) != size:
            raise PictureError("packed pixels do not fit their rectangle")
        return np.frombuffer(raw, np.uint8)

    def draw(self, rects: memoryview, count: int) -> None:
        """Draw `count` rectangles that fill `rects`. Raises PictureError; what came before the fault is drawn."""
        at = 0
        left = {False: MOST_COVERED * self.pixels.size, True: MOST_COPIED * self.pixels.size}
        for _ in range(count):
            if at + RECT_HEAD.size > len(rects):
                raise PictureError("a rectangle is cut off")
            x, y, width, height, encoding, argument, _pad, length = RECT_HEAD.unpack_from(rects, at)
            at += RECT_HEAD.size
            data = rects[at : at + length]
            part = self.pixels[y : y + height, x : x + width]
            if len(data) != length or not width or not height or part.shape != (height, width):
                raise PictureError("a rectangle does not fit the screen or its data")
            how = self.encodings.get(encoding)
            left[how is _copy] -= part.size
            if min(left.values()) < 0:
                raise PictureError("the rectangles of an update cover the screen too many times")
            if how is None:
                raise PictureError(f"encoding {encoding} is not known here; a newer release of Farhand draws it")
            how(self, part, (x, y), argument, data)
            at += length
        if at != len(rects):
            raise PictureError("bytes follow the last rectangle")


def _copy(picture: Picture, part: Pixels, at: Place, _argument: int, data: memoryview) -> None:
    if len(data) != COPY_DATA.size:
        raise PictureError("a copy needs 4 bytes")
    dx, dy = COPY_DATA.unpack(data)
    (x, y), (height, width) = at, part.shape
    if x < dx or y < dy:
        raise PictureError("a copy comes from outside of the screen")
    source = picture.pixels[y - dy : y - dy + height, x - dx : x - dx + width]
    if source.shape != part.shape:
        raise PictureError("a copy comes from outside of the screen")
    part[:] = source.copy()


def _solid(_picture: Picture, part: Pixels, _at: Place, _argument: int, data: memoryview) -> None:
    if len(data) != 4:
        raise PictureError("a colour needs 4 bytes")
    part[:] = int.from_bytes(data, "little")


def _exact(picture: Picture, part: Pixels, _at: Place, _argument: int, data: memoryview) -> None:
    part[:] = picture.unpacked(data, part.size * 4).view(np.uint32).reshape(part.shape)


def _palette(picture: Picture, part: Pixels, _at: Place, bits: int, data: memoryview) -> None:
    if bits not in (1, 2, 4, 8) or not data:
        raise PictureError("a palette has indices of 1, 2, 4 or 8 bits")
    count = data[0] + 1
    listed = np.frombuffer(data[1 : 1 + 3 * count], np.uint8)
    if listed.size != 3 * count or count > 1 << bits:
        raise PictureError("a palette does not fit its rectangle")
    height, width = part.shape
    rows = picture.unpacked(data[1 + 3 * count :], height * (-(-width * bits // 8))).reshape(height, -1)
    colours = np.zeros((1 << bits, 4), np.uint8)
    colours[:count, :3] = listed.reshape(count, 3)
    known = colours.view(np.uint32)[:, 0]
    for place in range(8 // bits):
        columns = part[:, place :: 8 // bits]
        indices = rows[:, : columns.shape[1]] >> (8 - bits - place * bits) & ((1 << bits) - 1)
        if indices.max(initial=0) >= count:
            raise PictureError("a palette has no such colour")
        columns[:] = known[indices]


def _planes(picture: Picture, part: Pixels, _at: Place, _argument: int, data: memoryview) -> None:
    planes = picture.unpacked(data, part.size * 3).reshape(3, *part.shape).copy()
    planes[1:] += planes[0]
    np.add.accumulate(planes[:, 0], axis=1, out=planes[:, 0], dtype=np.uint8)
    np.add.accumulate(planes[:, :, 0], axis=1, out=planes[:, :, 0], dtype=np.uint8)
    # Each needs its neighbours on the left and above, so what lies on one rising diagonal is added up at once.
    height, width = part.shape
    flat = planes.reshape(3, -1)
    for diagonal in range(2, height + width - 1) if width > 1 else ():
        first, last = max(1, diagonal - width + 1), min(height - 1, diagonal - 1)
        begin, end, step = diagonal + first * (width - 1), diagonal + last * (width - 1) + 1, width - 1
        left, above = flat[:, begin - 1 : end - 1 : step], flat[:, begin - width : end - width : step]
        flat[:, begin:end:step] += (left & above) + ((left ^ above) >> 1)
    green, blue, red = planes.astype(np.uint32)
    part[:] = red << 16 | green << 8 | blue


def _likeness(_picture: Picture, part: Pixels, _at: Place, _argument: int, data: memoryview) -> None:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        if (height, width) != part.shape:
            raise PictureError("a JPEG does not fit its rectangle")
        image = simplejpeg.decode_jpeg(data, "BGRX")
    except ValueError as error:
        raise PictureError("a JPEG cannot be decoded") from error
    part[:] = np.ascontiguousarray(image).view(np.uint32)[..., 0]


Drawing = Callable[[Picture, Pixels, Place, int, memoryview], None]
ENCODINGS: Final[dict[int, Drawing]] = {0: _copy, 1: _solid, 2: _exact, 3: _likeness, 6: _palette, 7: _planes}
"""The encodings that the recorder is sent (docs/protocol/screen.md). A number never changes its meaning."""
Picture.encodings = ENCODINGS


def reduced(pixels: Pixels, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return the picture made smaller to fit into `width` x `height`, by averages of whole blocks: rows of (B, G, R,
    X) bytes. A picture that is small already stays as it is.
    """
    tall, wide = pixels.shape
    step = max(1, -(-wide // width), -(-tall // height))
    rows, columns = tall // step, wide // step
    if step == 1 or not rows or not columns:
        return np.ascontiguousarray(pixels).view(np.uint8).reshape(tall, wide, 4)
    blocks = np.ascontiguousarray(pixels[: rows * step, : columns * step]).view(np.uint8)
    lines = blocks.reshape(rows, step, columns * step * 4).sum(axis=1, dtype=np.uint32)
    sums = lines.reshape(rows, columns, step, 4).sum(axis=2, dtype=np.uint32)
    small: npt.NDArray[np.uint8] = (sums // (step * step)).astype(np.uint8)
    return small


def _decode(payload: bytes | memoryview, as_type: type[Any]) -> Any:
    try:
        return msgspec.json.decode(payload, type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PictureError("a message of the screen cannot be read") from error
