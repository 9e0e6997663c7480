"""Replay: how long it takes to show any moment of an eight-hour recording.

The recording is made by the real writer with full pictures as the recorder would ask for them, of a screen of 1920 x
1080 pixels on which somebody types and scrolls, and for one minute in ten watches a moving picture. A seek finds the
full picture before the moment, opens what follows, and draws until the picture is complete there, as players do.
"""

import mmap
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import simplejpeg
import zstandard
from tests.bench.table import Row

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.messages import ScreenStarted
from farhand.recording import format as form
from farhand.recording.index import Index
from farhand.recording.keyframes import KeyFrames
from farhand.recording.picture import COMPLETE, KEY, RECT_HEAD, UPDATE_HEAD, Picture
from farhand.recording.reader import SegmentReader
from farhand.recording.verifier import verify
from farhand.recording.writer import SegmentWriter

HOURS = 8
WIDTH, HEIGHT = 1920, 1080
SCREEN = channel(Kind.SCREEN)
STARTED = 1_700_000_000_000
DATA_KEY = bytes(32)
STRIP = 135
"""Rows of one rectangle of a full picture."""
SEEKS = 300
TICK_MS = 125


def _rect(x: int, y: int, width: int, height: int, encoding: int, data: bytes) -> bytes:
    return RECT_HEAD.pack(x, y, width, height, encoding, 0, 0, len(data)) + data


def _update(*rects: bytes, flags: int = COMPLETE) -> bytes:
    return UPDATE_HEAD.pack(1, 0, flags, 0, len(rects)) + b"".join(rects)


class _Desktop:
    """Updates of a screen, cut from a few pictures that were made once."""

    def __init__(self) -> None:
        chance = np.random.default_rng(8)
        squeeze = zstandard.ZstdCompressor(level=1)
        page = np.full((HEIGHT, WIDTH), 0xFFFFFF, np.uint32)
        ink = chance.integers(0, 12, (HEIGHT // 4, WIDTH // 3))
        page[: HEIGHT // 4 * 4, : WIDTH // 3 * 3][np.kron(ink, np.ones((4, 3), int)) == 0] = 0x202020
        rows = range(0, HEIGHT, STRIP)
        self.full = [_rect(0, y, WIDTH, STRIP, 2, squeeze.compress(page[y : y + STRIP].tobytes())) for y in rows]
        self.lines = [
            _rect(int(x), int(y), 320, 24, 2, squeeze.compress(page[y : y + 24, x : x + 320].tobytes()))
            for x, y in zip(chance.integers(0, 1600, 64), chance.integers(0, 1050, 64), strict=True)
        ]
        strip = squeeze.compress(page[:48].tobytes())
        self.scroll = [
            _rect(0, 0, WIDTH, HEIGHT - 48, 0, (0).to_bytes(2, "little") + (-48 & 0xFFFF).to_bytes(2, "little")),
            _rect(0, HEIGHT - 48, WIDTH, 48, 2, strip),
        ]
        soft = np.kron(chance.integers(0, 256, (10, 36, 64, 4), np.uint8), np.ones((1, 10, 10, 1), np.uint8))
        self.likenesses = [_rect(640, 300, 640, 360, 3, simplejpeg.encode_jpeg(one, 75, "BGRX")) for one in soft]

    def key(self) -> list[bytes]:
        """A full picture in two updates."""
        half = len(self.full) // 2
        return [_update(*self.full[:half], flags=KEY), _update(*self.full[half:])]

    def tick(self, at_ms: int, chance: random.Random) -> bytes | None:
        """What changes in an eighth of a second."""
        if at_ms // 60_000 % 10 == 9:
            return _update(chance.choice(self.likenesses), flags=0)
        if at_ms // 60_000 % 10 == 5 or chance.random() < 0.6:
            return None
        return _update(*self.scroll) if chance.random() < 0.05 else _update(chance.choice(self.lines))


def _frames(hours: float) -> Iterator[tuple[int, bytes, bool]]:
    """(ms, update, key) of a whole recording."""
    desktop, rule, chance = _Desktop(), KeyFrames(0.0), random.Random(8)
    wanted = True
    for at_ms in range(0, int(hours * 3_600_000), TICK_MS):
        now = at_ms / 1000
        updates = [(one, n == 0) for n, one in enumerate(desktop.key())] if wanted else []
        if wanted:
            rule.asked(now)
        wanted = False
        change = desktop.tick(at_ms, chance)
        for update, key in [*updates, *([(change, False)] if change is not None else [])]:
            wanted |= rule.took(len(update), key, bool(update[8] & COMPLETE), now)
            yield at_ms, update, key


def _write(path: Path, hours: float) -> bytes:
    """Write the recording; return the issuer's public key."""
    issuer, sign_key, session = signing.new_key(), signing.new_key(), new_id()
    body = form.Certificate(session_id=session, segment=1, key=signing.public_of(sign_key).hex())
    certificate = signing.sign_token(issuer, form.CERTIFICATE_KIND, body)
    writer = SegmentWriter(session, 1, DATA_KEY, sign_key, certificate, "x" * 80, STARTED)
    with path.open("wb") as file:
        file.write(writer.head())
        writer.add(STARTED, SCREEN, Screen.STARTED, msgspec.json.encode(ScreenStarted(width=WIDTH, height=HEIGHT)))
        for at_ms, update, key in _frames(hours):
            if writer.add(STARTED + at_ms, SCREEN, Screen.UPDATE, update, key):
                file.write(writer.cut(STARTED + at_ms))
        file.write(writer.close(STARTED + int(hours * 3_600_000), "ended"))
    return signing.public_of(issuer)


def _seek(reader: SegmentReader, at_ms: int) -> tuple[Picture, int]:
    """Draw the moment; return the picture and the bytes of frames that it took."""
    picture, size = Picture(WIDTH, HEIGHT), 0
    picture.lose()
    for frame in reader.frames(first=reader.index.key_before(at_ms)):
        if frame.time_ms > at_ms and picture.flags & COMPLETE:
            break
        picture.take(frame.type, frame.payload)
        size += len(frame.payload)
    return picture, size


def measure() -> list[Row]:
    """Seek to random seconds of the recording, through the index as it is kept."""
    times, sizes = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1.fhr"
        issuer = _write(path, HOURS)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            began = time.perf_counter()
            found = verify(data, [issuer])
            verified = time.perf_counter() - began
            if not found.intact:
                raise RuntimeError("the recording does not verify")
            kept = Index.build(data).dump()
            began = time.perf_counter()
            reader = SegmentReader(data, DATA_KEY, Index.load(kept))
            loaded = time.perf_counter() - began
            chance = random.Random(1)
            for _ in range(SEEKS):
                at_ms = chance.randrange(HOURS * 3_600_000)
                began = time.perf_counter()
                picture, size = _seek(reader, at_ms)
                times.append((time.perf_counter() - began) * 1000)
                sizes.append(size / 1000)
                if not picture.known:
                    raise RuntimeError(f"nothing was drawn at {at_ms} ms")
        gigabytes = path.stat().st_size / 1e9
    times.sort()
    sizes.sort()
    note = f"{HOURS} hours, {gigabytes:.2f} GB, {len(reader.index.stretches())} full pictures, {SEEKS} random moments."
    p95 = int(SEEKS * 0.95)
    return [
        Row("replay.seek_p50", "Seek in a recording: find, open, draw, median", [times[SEEKS // 2]], "ms", "", note),
        Row("replay.seek_p95", "The same, 95 of 100", [times[p95]], "ms"),
        Row("replay.seek_bytes", "Bytes of frames for a seek, 95 of 100", [sizes[p95]], "kB"),
        Row("replay.index", "Loading its index", [loaded * 1000], "ms"),
        Row("replay.verify", "Verifying it, each GB", [verified / gigabytes], "s"),
    ]
