"""The clipboard over the real relay: a console's leg on one side, a client on a real X display on the other."""

import json
import select
import threading
from collections.abc import Iterator

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.console import Console, LiveSession
from tests.harness.copying import copy, paste
from tests.harness.sharing import CLIPBOARD, Shared

from farhand.agent.core.desktop import Content
from farhand.agent.platforms.linux.x11.clipboard import X11Clipboard
from farhand.cli.display import VirtualDisplay
from farhand.protocol.channels import Clip, Control, Grant, Kind, channel
from farhand.protocol.clipboard import CHUNK, MOST, PART, PNG, PNG_HEAD, TEXT
from farhand.protocol.frames import Frame

NAME = "copier"
SECURITY = "/login/management/security"
MIXED = "Grüße ñ € 日本語 😀\nsecond line\ttab"
LONG = "Zeile äöü €\n" * 60_000
PICTURE = PNG_HEAD + bytes(range(256)) * 2_000

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    """A display with nothing on it."""
    with VirtualDisplay("320x240x24") as running:
        yield running


@pytest.fixture
def shared(session: LiveSession) -> Shared:
    """A session whose clipboard is shared."""
    return Shared(session)


class Program:
    """Another program on the display, which copied something and serves it."""

    def __init__(self, display: VirtualDisplay, content: Content) -> None:
        self._clipboard = X11Clipboard(display.name)
        self._clipboard.write(content)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while not self._over.is_set():
            self._clipboard.changed()
            select.select([self._clipboard.fileno()], [], [], 0.05)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._clipboard.close()


def picture_on(display: VirtualDisplay) -> bytes:
    """The picture in the display's clipboard."""
    reader = X11Clipboard(display.name)
    try:
        return reader.read(PNG, MOST)
    finally:
        reader.close()


def kinds(live: LiveSession) -> list[str]:
    """What the journal says of the clipboard, in order."""
    return [e["kind"] for e in live.entries() if e["kind"].startswith("clipboard-")]


def without_clipboard(frame: Frame) -> bool:
    """The leg's grants, and none of the clipboard among them."""
    either = Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE
    grants = frame.type == Control.GRANTS and frame.channel == channel(Kind.CONTROL)
    return grants and not json.loads(frame.payload)["grants"] & either


#
def test_text_and_pictures_go_both_ways(shared: Shared, display: VirtualDisplay, appliance: Appliance) -> None:
    for text in (MIXED, LONG):
        assert shared.give(TEXT, text.encode()) == ""
        assert paste(display.name) == text
    assert shared.give(PNG, PICTURE) == ""
    assert picture_on(display) == PICTURE
    for text in (MIXED + " there", LONG + "there"):
        since = len(shared.live.socket.frames)
        owner = copy(display.name, text)
        try:
            shared.wait_offered(TEXT, since)
            assert shared.take(TEXT) == (text.encode(), "")
        finally:
            owner.kill()
            owner.wait(60)
    since = len(shared.live.socket.frames)
    with Program(display, Content(PNG, PICTURE + b"there")):
        shared.wait_offered(PNG, since)
        assert shared.take(PNG) == (PICTURE + b"there", "")
    shared.live.entry(lambda e: e["kind"] == "clipboard-taken" and e["data"]["bytes"] == len(PICTURE) + 5)
    assert kinds(shared.live) == ["clipboard-started", *["clipboard-given"] * 3, *["clipboard-taken"] * 3]
    sizes = [e["data"]["bytes"] for e in shared.live.entries() if e["kind"] == "clipboard-given"]
    assert sizes == [len(MIXED.encode()), len(LONG.encode()), len(PICTURE)]
    # What was copied is nowhere but in the clipboards.
    assert not [line for line in appliance.lines if "second line" in line]
    places = [p for p in appliance.data.rglob("*") if p.is_file() and not p.is_symlink()]
    assert not [p for p in places if "日本語 😀".encode() in p.read_bytes()]


def test_bounds_are_answered_and_nothing_is_put_in(shared: Shared, display: VirtualDisplay) -> None:
    assert shared.give(TEXT, b"as it was") == ""
    assert "MiB" in shared.give(TEXT, b"x" * (MOST + 1))
    assert shared.give("html", b"<b>x</b>")
    assert shared.give(TEXT, b"\xff\xfe")
    assert shared.give(PNG, b"no picture")
    # More than was announced, and a part that is too long: neither is taken.
    number = shared.transfers = shared.transfers + 1
    since = len(shared.live.socket.frames)
    shared.send(Clip.GIVE, transfer=number, format=TEXT, bytes=3)
    shared.send(Clip.GIVEN_PART, PART.pack(number) + b"x" * (CHUNK + 1))
    shared.send(Clip.GIVEN_PART, PART.pack(number) + b"four")
    assert json.loads(shared.wait(Clip.DONE, since).payload)["text"]
    assert paste(display.name) == "as it was"
    assert shared.take("html")[1]
    since = len(shared.live.socket.frames)
    owner = copy(display.name, "y" * (MOST + 1))
    try:
        shared.wait_offered(TEXT, since)
        data, why = shared.take(TEXT)
        assert (data, bool(why)) == (b"", True)
    finally:
        owner.kill()
        owner.wait(60)
    # As much as there may be goes whole.
    assert shared.give(TEXT, b"z" * MOST) == ""
    assert paste(display.name) == "z" * MOST


def test_the_site_switch_stops_it_at_once(shared: Shared, console: Console, display: VirtualDisplay) -> None:
    def switch(**fields: str) -> None:
        fields = {"web_console": "on", "shell_recording": "on", **fields}
        assert console.visitor.submit(SECURITY, fields).status == 200

    assert shared.give(TEXT, b"while it was on") == ""
    try:
        switch()
        shared.live.socket.wait(without_clipboard, within=60, what="the grants without the clipboard")
        shared.send(Clip.START)
        shared.send(Clip.GIVE, transfer=900, format=TEXT, bytes=4)
        shared.send(Clip.GIVEN_PART, PART.pack(900) + b"over")
        shared.send(Clip.TAKE, transfer=901, format=TEXT)
        shared.live.say("all of that was read")
        assert paste(display.name) != "over"
        assert "clipboard-given" not in kinds(shared.live)[2:]
        assert "clipboard-taken" not in kinds(shared.live)
        assert not [f for f in shared.live.socket.frames if f.channel == CLIPBOARD and f.type == Clip.CONTENT]
    finally:
        switch(clipboard="on")
    # Switched on again, it is shared again when it is asked for.
    since = len(shared.live.socket.frames)

    def again() -> bool:
        shared.send(Clip.START)
        frames = shared.live.socket.frames[since:]
        return any(f.channel == CLIPBOARD and f.type == Clip.STARTED for f in frames)

    wait_for(again, within=60, what="the clipboard shared again")
    assert shared.give(TEXT, b"on again") == ""
    assert paste(display.name) == "on again"
