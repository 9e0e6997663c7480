"""The colours of the remote screen as a person chooses them, seen on the canvas; a film as the browser's own video."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, alike, axe_findings, canvas_pixels, problems_of, shot, sign_in
from tests.harness.film import film
from tests.harness.xdisplay import Board, display_below, screen_pixels

from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.frames import HEADER_SIZE, parse
from farhand.protocol.screen import RECT_HEAD, SIXTEEN, UPDATE_HEAD, Encoding

NAMES = {
    "video": "Video Optimized",
    "bw": "Black and White",
    "few": "Few Colors",
    "more": "More Colors",
    "full": "Full Color",
}


@pytest.fixture
def board(appliance: Appliance) -> Iterator[Board]:
    """A window on the demonstration display that is ours to paint."""
    display = wait_for(lambda: display_below(appliance.pid), what="the demonstration display")
    painted = Board(display, 320, 192, 400, 200)
    painted.show(film(0))
    yield painted
    painted.close()


@pytest.mark.long
def test_colours_are_chosen_by_keyboard_and_seen(
    appliance: Appliance, board: Board, enter: Enter, words: Words
) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    canvas = steps.start_screen(session, words)
    display = display_below(appliance.pid)
    _exact(canvas, display)

    _choose(page, session, "video", "bw")
    wait_for(lambda: _shown(canvas) == {0x000000, 0xFFFFFF}, what="a picture in black and white")
    shot(page, "colours-bw")
    _choose(page, session, "bw", "few")
    wait_for(lambda: len(_shown(canvas)) > 4 and _shown(canvas) <= set(SIXTEEN), what="a picture in 16 colours")
    few = _shown(canvas)
    shot(page, "colours-few")
    _choose(page, session, "few", "more")
    wait_for(lambda: len(few) < len(_shown(canvas)) <= 256, what="a picture in 256 colours")

    # The choice stays when sharing stops and begins again.
    steps.button(session, words, "Stop Screen Sharing").click()
    canvas = steps.start_screen(session, words)
    expect(session.get_by_role("button", name="Color: More Colors", exact=True)).to_be_visible()
    wait_for(lambda: len(few) < len(_shown(canvas)) <= 256, what="256 colours again")

    _choose(page, session, "more", "full")
    board.show(film(7))
    _exact(canvas, display)
    assert axe_findings(page) == []
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def test_a_film_is_drawn_by_the_browsers_video_decoder(
    appliance: Appliance, board: Board, enter: Enter, words: Words
) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    frames: list[Encoding] = []
    page.on("websocket", lambda socket: _listen(socket, frames))
    session = steps.jump(page, words)
    canvas = steps.start_screen(session, words)
    display = display_below(appliance.pid)
    _exact(canvas, display)
    for number in itertools.count(1):
        board.show(film(number))
        page.wait_for_timeout(25)
        if frames.count(Encoding.VIDEO) > 30:
            break
        assert number < 1500, "no video came"
    # The picture on which the film stands came as video: a likeness, until it was still.
    assert alike(canvas_pixels(canvas), screen_pixels(display), 64) > 0.9
    _exact(canvas, display)
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def _choose(page: Page, session: Locator, before: str, wanted: str) -> None:
    """Open the menu and go to the choice by keyboard alone."""
    session.get_by_role("button", name=f"Color: {NAMES[before]}", exact=True).focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("menu", name=f"Color: {NAMES[before]}", exact=True)
    chosen = menu.get_by_role("menuitemradio", name=NAMES[before], exact=True)
    expect(chosen).to_be_focused()
    expect(chosen).to_be_checked()
    order = list(NAMES)
    for _ in range(order.index(wanted) - order.index(before)):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(session.get_by_role("button", name=f"Color: {NAMES[wanted]}", exact=True)).to_be_focused()


def _shown(canvas: Locator) -> set[int]:
    """All colours on the canvas, 0xRRGGBB."""
    pixels = canvas_pixels(canvas, 1).astype(np.uint32)
    return set(np.unique(pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]).tolist())


def _exact(canvas: Locator, display: str) -> None:
    """Every pixel becomes what it is on the display."""

    def same() -> bool:
        one, other = canvas_pixels(canvas, 1), screen_pixels(display, 1)
        return one.shape == other.shape and bool((one == other).all())

    wait_for(same, 60, "the exact picture")


def _listen(socket: WebSocket, kinds: list[Encoding]) -> None:
    def received(payload: bytes | str) -> None:
        if isinstance(payload, str) or len(payload) < HEADER_SIZE:
            return
        frame = parse(payload)
        if frame.channel != channel(Kind.SCREEN) or frame.type != Screen.UPDATE:
            return
        at = UPDATE_HEAD.size
        for _ in range(UPDATE_HEAD.unpack_from(frame.payload)[4]):
            head = RECT_HEAD.unpack_from(frame.payload, at)
            kinds.append(Encoding(head[4]))
            at += RECT_HEAD.size + head[7]

    socket.on("framereceived", received)
