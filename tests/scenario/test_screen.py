"""Colour modes and video with the real programs: the downloaded client file on a real display, the relay, a console."""

import itertools
import json
import struct
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from tests.harness.console import LiveSession
from tests.harness.film import film
from tests.harness.letters import letters
from tests.harness.xdisplay import Board

from farhand.cli.display import VirtualDisplay
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.frames import Frame
from farhand.protocol.screen import RECT_HEAD, UPDATE_HEAD, Encoding, Flag

NAME = "painter"
SCREEN = channel(Kind.SCREEN)
WIDTH, HEIGHT = 640, 400
RISING = ("bw", "few", "more", "full")


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    """A display with nothing on it."""
    with VirtualDisplay(f"{WIDTH}x{HEIGHT}x24") as running:
        yield running


class Watcher:
    """A viewer that acknowledges each update and counts what it costs."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live
        self.bytes = 0
        self.updates = 0
        self.kinds: Counter[Encoding] = Counter()
        self._complete_at = 0.0
        self._came_at = 0.0
        self._inner = live.socket.on_frame
        live.socket.on_frame = self._on_frame

    def _on_frame(self, frame: Frame) -> None:
        if self._inner is not None:
            self._inner(frame)
        if frame.channel != SCREEN or frame.type != Screen.UPDATE:
            return
        payload = bytes(frame.payload)
        seq, _, flags, _, count = UPDATE_HEAD.unpack_from(payload)
        at = UPDATE_HEAD.size
        for _ in range(count):
            head = RECT_HEAD.unpack_from(payload, at)
            self.kinds[Encoding(head[4])] += 1
            at += RECT_HEAD.size + head[7]
        self.bytes += len(payload)
        self.updates += 1
        self._came_at = time.monotonic()
        if flags & Flag.COMPLETE:
            self._complete_at = self._came_at
        self._live.socket.send_now(Screen.ACK, SCREEN, struct.pack("<IH", seq, 10), self._live.leg)

    def start(self, colours: str, *video: str) -> None:
        """Ask for the screen and wait until all of it came."""
        asked = time.monotonic()
        wish = {"colours": colours, "video": video}
        self._live.socket.send(Screen.START, SCREEN, json.dumps(wish).encode(), self._live.leg)
        self.wait_complete(asked)
        self.wait_still()

    def wait_complete(self, since: float) -> None:
        """Wait for an update that completes the picture."""
        limit = time.monotonic() + 30
        while self._complete_at <= since:
            assert time.monotonic() < limit, "the picture was not completed"
            time.sleep(0.002)

    def wait_still(self) -> None:
        """Wait until nothing came for a while."""
        while time.monotonic() < self._came_at + 0.8:
            time.sleep(0.02)


def play(board: Board, watcher: Watcher) -> None:
    """A page that scrolls beside a picture that moves, step by step: each viewer sees each step."""
    text = letters(1200, 256)
    picture = np.full((HEIGHT, WIDTH), 0xF0F0F0, np.uint32)
    for number in range(16):
        picture[:, :256] = text[number * 9 : number * 9 + HEIGHT]
        picture[100:292, 300:620] = film(number)
        since = time.monotonic()
        board.show(picture)
        watcher.wait_complete(since)
    watcher.wait_still()


@pytest.mark.display
def test_each_colour_mode_costs_less_than_the_next(session: LiveSession, display: VirtualDisplay) -> None:
    board = Board(display.name, WIDTH, HEIGHT)
    watcher = Watcher(session)
    costs = []
    for colours in RISING:
        board.show(np.full((HEIGHT, WIDTH), 0xF0F0F0, np.uint32))
        watcher.start(colours)
        before = watcher.bytes
        play(board, watcher)
        costs.append(watcher.bytes - before)
    assert all(more > 1.1 * less for less, more in itertools.pairwise(costs)), costs
    board.close()


@pytest.mark.display
def test_a_film_comes_as_video_to_who_can_draw_it(session: LiveSession, display: VirtualDisplay) -> None:
    board = Board(display.name, 320, 192, 160, 100)
    watcher = Watcher(session)
    for video, expected in (((), False), (("vp8",), True)):
        watcher.start("video", *video)
        watcher.kinds.clear()
        limit = time.monotonic() + 30
        for number in itertools.count():
            board.show(film(number))
            time.sleep(1 / 30)
            if watcher.kinds[Encoding.VIDEO] > 10 if expected else number > 60:
                break
            assert time.monotonic() < limit, "no video came"
        assert bool(watcher.kinds[Encoding.VIDEO]) is expected
        watcher.wait_still()
        watcher.kinds.clear()
        time.sleep(0.5)
        assert not watcher.kinds
    board.close()
