"""What the screen's tests share: a reference decoder, and an own X server."""

import contextlib
import os
import select
import shutil
import subprocess
import time

import av
import numpy as np
import pytest
import simplejpeg
import zstandard

from farhand.agent.tools.screen.pipeline import Pipeline
from farhand.kit.process import leash
from farhand.protocol import screen as layout
from farhand.recording.picture import Picture


class Reference:
    """Draws updates the slow, obvious way, as docs/protocol/screen.md describes them."""

    def __init__(self, width: int, height: int) -> None:
        self.picture = np.full((height, width), 0xABCDEF, np.uint32)
        self.seqs: list[int] = []
        self.kinds: list[int] = []
        self.flags = 0
        self.bytes = 0
        self.decoder: av.CodecContext | None = None

    def apply(self, payload: bytes) -> int:
        """Draw one update and return its number."""
        seq, _, self.flags, reserved, count = layout.UPDATE_HEAD.unpack_from(payload)
        assert reserved == 0
        at = layout.UPDATE_HEAD.size
        for _ in range(count):
            x, y, width, height, kind, argument, pad, size = layout.RECT_HEAD.unpack_from(payload, at)
            at += layout.RECT_HEAD.size
            assert pad == 0
            assert argument == 0 or kind in (layout.Encoding.INDEXED, layout.Encoding.VIDEO, layout.Encoding.PALETTE)
            self.draw(x, y, width, height, kind, argument, payload[at : at + size])
            self.kinds.append(kind)
            at += size
        assert at == len(payload)
        assert len(payload) <= 1 << 20
        self.seqs.append(seq)
        self.bytes += len(payload)
        return seq

    def draw(self, x: int, y: int, width: int, height: int, kind: int, argument: int, data: bytes) -> None:
        part = self.picture[y : y + height, x : x + width]
        assert part.shape == (height, width)
        if kind == 0:
            dx, dy = layout.COPY_DATA.unpack(data)
            part[:] = self.picture[y - dy : y - dy + height, x - dx : x - dx + width].copy()
        elif kind == 1:
            part[:] = int.from_bytes(data, "little")
        elif kind == 2:
            raw = zstandard.ZstdDecompressor().decompress(data)
            part[:] = np.frombuffer(raw, np.uint32).reshape(height, width)
        elif kind == 3:
            image = simplejpeg.decode_jpeg(data, "BGRX")
            part[:] = np.ascontiguousarray(image).view(np.uint32)[..., 0]
        elif kind == 4:
            part[:] = np.array(layout.palette(argument), np.uint32)[indices(data, width, height, argument)]
        elif kind == 5:
            self.film(x, y, width, height, argument, data)
        elif kind == 6:
            count = data[0] + 1
            listed = [int.from_bytes(data[at : at + 3], "little") for at in range(1, 1 + 3 * count, 3)]
            part[:] = np.array(listed, np.uint32)[indices(data[1 + 3 * count :], width, height, argument)]
        elif kind == 7:
            recorded = Picture(width, height)  # `test_exact` adds up by the letter, which takes long
            head = layout.RECT_HEAD.pack(0, 0, width, height, kind, argument, 0, len(data))
            recorded.draw(memoryview(head + data), 1)
            part[:] = recorded.pixels
        else:
            raise AssertionError(f"unknown encoding {kind}")

    def film(self, x: int, y: int, width: int, height: int, flags: int, data: bytes) -> None:
        rows, columns = -(-height // 16), -(-width // 16)
        shown = np.ones((rows, columns), np.bool_)
        if flags & layout.VideoFlag.MASKED:
            size = (rows * columns + 7) // 8
            bits = np.unpackbits(np.frombuffer(data[:size], np.uint8))[: rows * columns]
            shown, data = bits.reshape(rows, columns).astype(np.bool_), data[size:]
        if flags & layout.VideoFlag.KEY:
            self.decoder = av.CodecContext.create("vp8", "r")
            assert not data[0] & 1
        assert self.decoder is not None, "a stream begins with a key frame"
        (frame,) = self.decoder.decode(av.Packet(data))
        image = frame.reformat(width, height).to_ndarray(format="bgra")
        pixels = np.ascontiguousarray(image).view(np.uint32)[..., 0] & 0xFFFFFF
        mask = np.repeat(np.repeat(shown, 16, axis=0), 16, axis=1)[:height, :width]
        part = self.picture[y : y + height, x : x + width]
        part[mask] = pixels[mask]

    def same(self, picture: np.ndarray) -> bool:
        return bool((((self.picture ^ picture) & 0xFFFFFF) == 0).all())


def indices(data: bytes, width: int, height: int, size: int) -> np.ndarray:
    """Unpack indices of `size` bits."""
    packed = zstandard.ZstdDecompressor().decompress(data)
    rows = np.frombuffer(packed, np.uint8).reshape(height, (width * size + 7) // 8)
    bits = np.unpackbits(rows, axis=1)[:, : width * size].reshape(height, width, size)
    return (bits << np.arange(size - 1, -1, -1, dtype=np.uint8)).sum(axis=2)


@pytest.fixture
def xvfb():
    """Start X servers: call it with a size, get the display's name."""
    if shutil.which("Xvfb") is None:
        pytest.fail("Xvfb is not installed; run `tools/bootstrap.sh test`.")
    with contextlib.ExitStack() as stack:

        def start(size: str = "800x600") -> str:
            display, process = start_xvfb(size)
            stack.callback(end, process)
            start.process = process
            return display

        yield start


def start_xvfb(size: str) -> tuple[str, subprocess.Popen]:
    read, write = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"]
    process = subprocess.Popen(arguments, pass_fds=[write], stderr=subprocess.DEVNULL, preexec_fn=leash())
    os.close(write)
    try:
        # It writes number and line end apart, and gives up when nobody reads the second: read to the line's end.
        number = ""
        while not number.endswith("\n") and select.select([read], [], [], 20)[0] and (part := os.read(read, 16)):
            number += part.decode()
        number = number.strip()
    finally:
        os.close(read)
    if not number:
        end(process)
        pytest.fail("Xvfb did not start within 20 seconds")
    return f":{number}", process


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait(60)


def until(condition, seconds: float = 60.0) -> None:
    """Wait until `condition()` holds; fail loudly when it does not."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


class Scene:
    """A pipeline, its viewers and the screen that they should come to see."""

    def __init__(self, width, height, modes):
        self.pipeline = Pipeline(width, height)
        self.screen = np.zeros((height, width), np.uint32)
        self.now = 100.0
        self.references = {leg: Reference(width, height) for leg in modes}
        for leg, mode in modes.items():
            self.pipeline.join(leg, mode, self.now)
        self.capture((0, 0, width, height))

    def capture(self, rect):
        rect = self.pipeline.aligned(rect)
        x, y, w, h = rect
        if w and h:
            self.pipeline.absorb(rect, np.ascontiguousarray(self.screen[y : y + h, x : x + w]), self.now)

    def step(self, seconds, silent=()):
        """Let time pass; viewers that are not silent acknowledge at once."""
        self.now += seconds
        sent = self.pipeline.updates(self.now)
        for leg, payload in sent:
            seq = self.references[leg].apply(payload)
            if leg not in silent:
                self.pipeline.viewers[leg].pace.acked(seq, 0.0, self.now + 0.001)
        return sent

    def settle(self):
        for _ in range(2000):
            self.step(0.02)
            if self.pipeline.wake_at(False, self.now) is None:
                break
        else:
            pytest.fail("the pipeline never came to rest")

    def check(self):
        for leg, reference in self.references.items():
            assert reference.same(self.screen), f"viewer {leg} sees something else"
            assert reference.seqs == list(range(1, len(reference.seqs) + 1))
            assert reference.flags & layout.Flag.COMPLETE
