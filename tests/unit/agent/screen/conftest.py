"""What the screen's tests share: a reference decoder, and an own X server."""

import contextlib
import os
import select
import shutil
import subprocess
import time

import numpy as np
import pytest
import simplejpeg
import zstandard

from farhand.kit.process import leash
from farhand.protocol import screen as layout


class Reference:
    """Draws updates the slow, obvious way, as docs/protocol/screen.md describes them."""

    def __init__(self, width: int, height: int) -> None:
        self.picture = np.full((height, width), 0xABCDEF, np.uint32)
        self.seqs: list[int] = []
        self.kinds: list[int] = []
        self.flags = 0
        self.bytes = 0

    def apply(self, payload: bytes) -> int:
        """Draw one update and return its number."""
        seq, _, self.flags, reserved, count = layout.UPDATE_HEAD.unpack_from(payload)
        assert reserved == 0
        at = layout.UPDATE_HEAD.size
        for _ in range(count):
            x, y, width, height, kind, argument, pad, size = layout.RECT_HEAD.unpack_from(payload, at)
            at += layout.RECT_HEAD.size
            assert argument == pad == 0
            self.draw(x, y, width, height, kind, payload[at : at + size])
            self.kinds.append(kind)
            at += size
        assert at == len(payload)
        assert len(payload) <= 1 << 20
        self.seqs.append(seq)
        self.bytes += len(payload)
        return seq

    def draw(self, x: int, y: int, width: int, height: int, kind: int, data: bytes) -> None:
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
        else:
            raise AssertionError(f"unknown encoding {kind}")

    def same(self, picture: np.ndarray) -> bool:
        return bool((((self.picture ^ picture) & 0xFFFFFF) == 0).all())


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
    process.wait(10)


def until(condition, seconds: float = 20.0) -> None:
    """Wait until `condition()` holds; fail loudly when it does not."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)
