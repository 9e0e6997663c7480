"""The clipboard of a real session of GNOME's compositor (headless Mutter): what is exchanged with programs of it."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.harness.appliance import wait_for
from tests.harness.mutter import Mutter

from farhand.agent.core.desktop import Clipboard, Content, DesktopError, NotThereError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.gnome.desktop import GnomeDesktop
from farhand.agent.platforms.linux.gnome.session import DESK
from farhand.agent.platforms.linux.wayland.find import find_compositor
from farhand.protocol.clipboard import PNG, PNG_HEAD, TEXT

pytestmark = pytest.mark.display
_SESSION = f"{DESK}.Session"


@pytest.fixture
def open_clipboard(session: Mutter) -> Iterator[Callable[[], Clipboard]]:
    """Open clipboards of the session, closed with the test."""
    found = find_compositor(session.display)
    assert found is not None
    desktop = GnomeDesktop(found)
    opened: list[Clipboard] = []

    def make() -> Clipboard:
        opened.append(desktop.open_clipboard())
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@contextmanager
def served(clipboard: Clipboard) -> Iterator[None]:
    """A thread serves those who paste from it, as the tool's does."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            select.select([clipboard.fileno()], [], [], 0.05)
            clipboard.changed()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield
    finally:
        over.set()
        serving.join()


#
def test_the_clipboard_goes_both_ways(open_clipboard: Callable[[], Clipboard]) -> None:
    ours, theirs = open_clipboard(), open_clipboard()
    assert (ours.formats(), ours.changed()) == ([], False)
    with pytest.raises(NotThereError):
        ours.read(TEXT, 100)
    text = ("Grüße 😀\n" * 20_000).encode()
    ours.write(Content(TEXT, text))
    assert not ours.changed()
    assert (ours.formats(), ours.read(TEXT, len(text))) == ([TEXT], text)
    with pytest.raises(NotThereError):
        ours.read(TEXT, len(text) - 1)
    with pytest.raises(NotThereError):
        ours.read(PNG, 1000)
    wait_for(lambda: theirs.changed() or None, what="the news")
    assert theirs.formats() == [TEXT]
    late = open_clipboard()
    wait_for(lambda: late.changed() or None, what="what lay in it already")
    with served(ours):
        assert theirs.read(TEXT, len(text)) == text
        with pytest.raises(NotThereError) as caught:
            theirs.read(TEXT, len(text) - 1)
        assert caught.value.too_long
        with pytest.raises(NotThereError):
            theirs.read(PNG, 1000)
    picture = PNG_HEAD + os.urandom(300_000)
    theirs.write(Content(PNG, picture))
    wait_for(lambda: ours.changed() or None, what="the news")
    assert ours.formats() == [PNG]
    with served(theirs):
        assert ours.read(PNG, len(picture)) == picture


def test_who_does_not_read_stops_nobody(session: Mutter, open_clipboard: Callable[[], Clipboard]) -> None:
    ours, theirs = open_clipboard(), open_clipboard()
    text = b"x" * 1_000_000
    ours.write(Content(TEXT, text))
    wait_for(lambda: TEXT in theirs.formats() or None, what="the offer")
    bus, never_read = Bus(files=True), []
    for _ in range(3):
        desk = bus.call(DESK, f"/{DESK.replace('.', '/')}", DESK, "CreateSession")
        bus.call(DESK, desk, _SESSION, "EnableClipboard", "a{sv}", {})
        never_read.append(bus.call_for_file(DESK, desk, _SESSION, "SelectionRead", "s", "text/plain"))
    with served(ours):
        assert theirs.read(TEXT, len(text)) == text
    for fd in never_read:
        os.close(fd)
    bus.close()


def test_what_a_program_offers_is_told_as_it_is(session: Mutter, open_clipboard: Callable[[], Clipboard]) -> None:
    ours = open_clipboard()
    bus = Bus(files=True)
    desk = bus.call(DESK, f"/{DESK.replace('.', '/')}", DESK, "CreateSession")
    bus.call(DESK, desk, _SESSION, "EnableClipboard", "a{sv}", {})
    for kinds, formats in ((["x/y"], []), (["image/png", "x/y", "UTF8_STRING"], [TEXT, PNG])):
        bus.call(DESK, desk, _SESSION, "SetSelection", "a{sv}", {"mime-types": ("as", kinds)})
        wait_for(lambda: ours.changed() or None, what="the news")
        assert ours.formats() == formats
    bus.close()


def test_a_session_that_ends_is_said_so(session: Mutter, open_clipboard: Callable[[], Clipboard]) -> None:
    ours = open_clipboard()
    session.stop()
    with pytest.raises(DesktopError, match="ended"):
        wait_for(lambda: ours.changed() or None, what="the end")
