"""The files channel: its payloads, and the pace at which a file is sent (docs/protocol/files.md says it for others).

Why it exists: both ends of a transfer, the endpoint and a Python viewer, keep to one set of messages and one window.
`tests/wire/files.json` holds both languages to the same bytes. Little endian.

Rules: a path is the endpoint's own bytes, in JSON as base64, because a name on a disk need not be text. A request has
a number of the viewer's choice, which its answers carry. What is sent is told by its offset; nothing on the way is ever
taken for granted after a socket was lost: both ends begin again from what the receiver has, proven by its hash.
"""

import struct
from collections import deque
from typing import Annotated, Final

import msgspec

from farhand.protocol.messages import Count, Line, Message, Name

CHUNK_HEAD: Final = struct.Struct("<IQ")
"""Head of DATA and BYTES: number of the request, offset of the first byte; the bytes follow."""
ACK: Final = struct.Struct("<IQ")
"""ACK and TAKEN: number of the request; all bytes before this offset were taken."""

SMALL_CHUNK: Final = 16 * 1024
"""Bytes in a frame on a slow way: what is urgent waits for one of them at most."""
LARGE_CHUNK: Final = 60 * 1024
"""Most bytes in a frame. Browsers cut WebSocket messages of more than 64 KiB, heads included, into pieces."""
FIRST_WINDOW: Final = 256 * 1024
MIN_WINDOW: Final = 128 * 1024
MAX_WINDOW: Final = 10 * 1024 * 1024
"""Bytes on the way to one peer, all its transfers together. Less than the relay keeps for a peer that stalls."""
ACK_EVERY: Final = 128 * 1024
"""A receiver acknowledges after so many bytes, and whenever it has taken all that came."""
PAGE: Final = 500
"""Entries in one LISTING."""
MAX_REQUESTS: Final = 64
"""Requests of one viewer that may be open."""

U32 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
Path = Annotated[bytes, msgspec.Meta(min_length=1, max_length=16_384)]
FileName = Annotated[bytes, msgspec.Meta(min_length=1, max_length=1024)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]
"""Lower case hex; empty: not known."""
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Stamp = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


class FilesStart(Message, frozen=True, kw_only=True):
    """A viewer wants access to files. Again: tell me what is there; nothing is asked twice."""

    fresh: bool = False
    """My socket is new: what I asked for before is forgotten; what an upload has brought is kept."""


class Volume(Message, frozen=True, kw_only=True):
    """A place to begin at."""

    path: Path
    kind: Name = "folder"
    """`root`, `home`, `mount`, `folder` (the viewer is limited to it)."""
    total: Count = 0
    free: Count = 0
    """Bytes; 0 and 0 when not known."""


class FilesStarted(Message, frozen=True, kw_only=True):
    """Access is there."""

    run: Name
    """Another run means that every open request is forgotten: ask again."""
    volumes: Annotated[list[Volume], msgspec.Meta(max_length=256)] = []
    home: bytes = b""
    """Where to begin."""
    inbox: bytes = b""
    """Where to put what is meant for no special folder: one in which this viewer may write; empty: there is none, or
    the endpoint is older."""


class FilesList(Message, frozen=True, kw_only=True):
    """Tell what is in this folder; the last part of the path may be a link."""

    id: U32
    path: Path


class FileEntry(Message, frozen=True, kw_only=True):
    """One line of a folder."""

    name: FileName
    kind: Name
    """`folder`, `file`, `link`, `other`."""
    to: Name = ""
    """Of a link: what it leads to; empty when to nothing."""
    size: Count = 0
    modified_ms: Stamp = 0


class FilesListing(Message, frozen=True, kw_only=True):
    """A page of a folder. While there is `more`, NEXT brings the next one."""

    id: U32
    path: Path
    """Where the folder really is, without links."""
    entries: Annotated[list[FileEntry], msgspec.Meta(max_length=PAGE)]
    more: bool = False


class FilesRequest(Message, frozen=True, kw_only=True):
    """NEXT and CANCEL: the request that is meant."""

    id: U32


class FilesChange(Message, frozen=True, kw_only=True):
    """MAKE (a folder), DELETE (a file, or a folder with all in it), RENAME (to `to`, a whole path)."""

    id: U32
    path: Path
    to: bytes = b""


class FilesGet(Message, frozen=True, kw_only=True):
    """Send a file, or a folder as a ZIP archive, from `offset` on."""

    id: U32
    path: Path
    offset: Count = 0
    sha256: Sha256 = ""
    """Of the `offset` bytes that the viewer has."""


class FilesPut(Message, frozen=True, kw_only=True):
    """A file comes."""

    id: U32
    path: Path
    key: Key
    """Names the upload: the same file by the same key goes on where it stopped."""
    size: Count
    modified_ms: Stamp = 0
    replace: bool = False
    """Over a file that is there already."""
    parents: bool = False
    """Make the folders of `path` that are missing."""
    fresh: bool = False
    """From the beginning, whatever is there of it."""


class FilesAccepted(Message, frozen=True, kw_only=True):
    """GET: the bytes from `offset` on follow. PUT: send from `offset` on."""

    id: U32
    offset: Count = 0
    sha256: Sha256 = ""
    """Of the bytes before `offset`."""
    size: Count | None = None
    """None: not known before the end (an archive)."""
    modified_ms: Stamp = 0


class FilesFinish(Message, frozen=True, kw_only=True):
    """FINISH and FINISHED: all bytes were sent: so many, with this hash."""

    id: U32
    size: Count
    sha256: Sha256


class FilesDone(Message, frozen=True, kw_only=True):
    """A request is over. No `code`: it was done."""

    id: U32
    code: Name = ""
    """`not-started`, `no-grant`, `outside`, `not-found`, `exists`, `no-space`, `no-permission`, `not-regular`,
    `changed`, `hash`, `cancelled`, `busy`, `name`, `protocol`, `error`."""
    text: Line = ""
    """For people."""


class FilesProgress(Message, frozen=True, kw_only=True):
    """How far a DELETE is."""

    id: U32
    count: Count


def chunk(request: int, offset: int, data: bytes | memoryview) -> bytes:
    """Return the payload of a DATA frame."""
    return CHUNK_HEAD.pack(request, offset) + data


def read_chunk(payload: bytes | memoryview) -> tuple[int, int, bytes]:
    """Return request, offset and a copy of the bytes of a DATA frame. Raises ValueError."""
    size = len(payload) - CHUNK_HEAD.size
    if not 0 < size <= LARGE_CHUNK:
        raise ValueError(f"DATA carries 1 to {LARGE_CHUNK} bytes, not {size}")
    request, offset = CHUNK_HEAD.unpack_from(payload)
    return request, offset, bytes(payload[CHUNK_HEAD.size :])


def read_ack(payload: bytes | memoryview) -> tuple[int, int]:
    """Return request and offset of an ACK. Raises ValueError."""
    if len(payload) != ACK.size:
        raise ValueError(f"ACK has {ACK.size} bytes, {len(payload)} came")
    request, offset = ACK.unpack(payload)
    return request, offset


class Window:
    """How much may be on the way to one peer, all its transfers together: as much as the way holds, and little more.

    The way's own time is the shortest round trip that was seen. What is acknowledged in about that time makes the
    window larger, if it was full when that was sent: so it doubles with every round trip. A round is over when all is
    acknowledged that had been sent at its beginning. When nothing in a whole round was in time, bytes wait somewhere
    in front of what is urgent, and the window shrinks to what the way held in that round; single ones are late
    wherever a computer is busy or a radio link is noisy. Times are seconds on any clock.
    """

    EARLY_S = 0.03
    LATE_S = 0.08

    def __init__(self) -> None:
        self.limit = FIRST_WINDOW
        self.in_flight = 0
        self._sent = 0
        self._acked = 0
        self._marks: deque[tuple[int, float]] = deque()
        """Bytes sent in all, and when."""
        self._shortest = float("inf")
        self._full = 0
        """Bytes that were sent when the window was full last."""
        self._round = 0
        """The round is over when so many bytes are acknowledged."""
        self._quickest = float("inf")
        """Shortest round trip in this round."""

    @property
    def room(self) -> int:
        """Bytes that may be sent now."""
        return self.limit - self.in_flight

    @property
    def chunk(self) -> int:
        """Bytes for one DATA frame: small ones where the way holds little."""
        return LARGE_CHUNK if self.limit >= 2 * FIRST_WINDOW else SMALL_CHUNK

    def sent(self, size: int, now: float) -> None:
        """So many bytes went out."""
        self._sent += size
        self.in_flight += size
        self._marks.append((self._sent, now))
        if self.room < self.chunk:
            self._full = self._sent

    def acked(self, size: int, now: float) -> None:
        """So many bytes were taken."""
        size = min(size, self.in_flight)
        self.in_flight -= size
        self._acked += size
        at = None
        while self._marks and self._marks[0][0] <= self._acked:
            at = self._marks.popleft()[1]
        if at is None:
            return
        trip = now - at
        self._shortest = min(self._shortest, trip)
        self._quickest = min(self._quickest, trip)
        if trip - self._shortest <= self.EARLY_S and self._acked <= self._full:
            self.limit = min(MAX_WINDOW, self.limit + size)
        if self._acked >= self._round:
            self._end_round()

    def _end_round(self) -> None:
        quickest, self._quickest, self._round = self._quickest, float("inf"), self._sent
        if quickest - self._shortest > self.LATE_S:
            self.limit = max(MIN_WINDOW, int(self.limit * (self._shortest + self.EARLY_S) / quickest))

    def forget(self, size: int) -> None:
        """So many bytes will never be acknowledged: their transfer is over."""
        self.in_flight -= min(size, self.in_flight)
        self._acked += size


class Outgoing:
    """One transfer as its sender sees it: which bytes went, and which were taken."""

    def __init__(self, window: Window, offset: int) -> None:
        self._window = window
        self.offset = offset
        """Of the next byte to send."""
        self.taken = offset
        """Everything before it was acknowledged."""

    def sent(self, size: int, now: float) -> None:
        """The bytes at `offset` went out."""
        self.offset += size
        self._window.sent(size, now)

    def acked(self, offset: int, now: float) -> None:
        """The peer took all before `offset`. Raises ValueError for bytes that were never sent."""
        if offset > self.offset:
            raise ValueError("bytes were acknowledged that were not sent")
        if offset > self.taken:
            self._window.acked(offset - self.taken, now)
            self.taken = offset

    def over(self) -> None:
        """Nothing more is acknowledged."""
        self._window.forget(self.offset - self.taken)
        self.taken = self.offset


class Incoming:
    """One transfer as its receiver sees it: bytes come in order, and are acknowledged as they are taken."""

    def __init__(self, offset: int, size: int | None) -> None:
        self.came = offset
        """Offset of the next byte to come."""
        self.taken = offset
        """Everything before it was dealt with."""
        self.size = size
        self._acked = offset

    @property
    def waiting(self) -> int:
        """Bytes that came and were not taken."""
        return self.came - self.taken

    def data(self, offset: int, size: int) -> None:
        """Bytes came. Raises ValueError when others should have."""
        if offset != self.came:
            raise ValueError(f"byte {self.came} should have come, not {offset}")
        if self.size is not None and offset + size > self.size:
            raise ValueError("more bytes came than were announced")
        if self.waiting + size > 2 * MAX_WINDOW:
            raise ValueError("more bytes came than may be on the way")
        self.came += size

    def took(self, size: int) -> int | None:
        """So many bytes were dealt with: return the offset to acknowledge now, or None."""
        self.taken += size
        if self.taken - self._acked < ACK_EVERY and self.taken != self.came:
            return None
        self._acked = self.taken
        return self.taken
