"""The clipboard of a real X server, beside a program of another make (Tk) and beside itself."""

import select
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import xcffib
import xcffib.xproto as xp
from tests.harness.copying import copy, paste
from tests.unit.agent.screen.conftest import end, until, xvfb  # noqa: F401

from farhand.agent.core.desktop import Content, DesktopError, NotThereError
from farhand.agent.platforms.linux.x11 import clipboard as module
from farhand.agent.platforms.linux.x11.clipboard import X11Clipboard
from farhand.protocol.clipboard import FILES, MOST, PNG, PNG_HEAD, TEXT, pack_files, read_files

pytestmark = pytest.mark.display

MIXED = "Grüße ñ € 日本語 😀\nsecond line\ttab"
LONG = "Zeile äöü €\n" * 40_000  # in increments


@pytest.fixture
def display(xvfb: Callable[[], str]) -> str:  # noqa: F811
    return xvfb()


@pytest.fixture
def clipboard(display: str) -> Iterator[X11Clipboard]:
    made = X11Clipboard(display)
    yield made
    made.close()


class Serving:
    """A clipboard that is served by a thread, as the tool's worker does."""

    def __init__(self, clipboard: X11Clipboard) -> None:
        self._clipboard = clipboard
        self._over = False
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over:
            self._clipboard.changed()
            select.select([self._clipboard.fileno()], [], [], 0.05)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()


@pytest.mark.parametrize("text", [MIXED, LONG], ids=["short", "in increments"])
def test_text_that_another_program_copied_is_read(display: str, clipboard: X11Clipboard, text: str) -> None:
    assert not clipboard.changed()
    assert clipboard.formats() == []
    holder = copy(display, text)
    try:
        until(clipboard.changed)
        assert not clipboard.changed()
        assert clipboard.formats() == [TEXT]
        assert clipboard.read(TEXT, MOST).decode() == text
        with pytest.raises(NotThereError, match="does not hold"):
            clipboard.read(PNG, MOST)
        with pytest.raises(NotThereError, match="too long"):
            clipboard.read(TEXT, len(text.encode()) - 1)
        assert clipboard.read(TEXT, len(text.encode())).decode() == text
    finally:
        end(holder)
    until(clipboard.changed)
    assert clipboard.formats() == []


@pytest.mark.parametrize("text", [MIXED, LONG], ids=["short", "in increments"])
def test_text_that_is_put_in_is_pasted_by_another_program(display: str, clipboard: X11Clipboard, text: str) -> None:
    clipboard.write(Content(TEXT, text.encode()))
    with Serving(clipboard):
        assert paste(display) == text
        assert paste(display) == text
    assert not clipboard.changed(), "what was put in is no news"


@pytest.mark.parametrize("size", [900, 300_000])
def test_pictures_go_both_ways(display: str, clipboard: X11Clipboard, size: int) -> None:
    picture = PNG_HEAD + bytes(range(256)) * (size // 256)
    other = X11Clipboard(display)
    try:
        clipboard.write(Content(PNG, picture))
        with Serving(clipboard):
            until(other.changed)
            assert other.formats() == [PNG]
            assert other.read(PNG, MOST) == picture
            with pytest.raises(NotThereError):
                other.read(TEXT, MOST)
    finally:
        other.close()


GNOME = "x-special/gnome-copied-files"
URIS = "text/uri-list"


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ((URIS,), "file:///home/a/one%20two\r\nfile:///home/a/%C3%BC\r\n"),
        ((GNOME,), "copy\nfile:///home/a/one%20two\nfile:///home/a/%C3%BC"),
        ((GNOME, "UTF8_STRING"), "cut\nfile:///home/a/one%20two\nfile:///home/a/%C3%BC"),
    ],
)
def test_files_that_a_file_manager_copied_are_read(
    display: str, clipboard: X11Clipboard, kinds: tuple[str, ...], text: str
) -> None:
    holder = copy(display, text, *kinds)
    try:
        until(clipboard.changed)
        assert clipboard.formats()[0] == FILES
        assert read_files(clipboard.read(FILES, MOST)).paths == [b"/home/a/one two", "/home/a/ü".encode()]
        assert (TEXT in clipboard.formats()) is ("UTF8_STRING" in kinds)
    finally:
        end(holder)


def test_files_that_are_put_in_are_pasted_by_a_file_manager(display: str, clipboard: X11Clipboard) -> None:
    clipboard.write(Content(FILES, pack_files([b"/home/a/one two", "/home/a/ü".encode()])))
    with Serving(clipboard):
        assert paste(display, URIS) == "file:///home/a/one%20two\r\nfile:///home/a/%C3%BC\r\n"
        assert paste(display, GNOME) == "copy\nfile:///home/a/one%20two\nfile:///home/a/%C3%BC"
        assert paste(display) == "/home/a/one two\n/home/a/ü"


def test_what_lies_there_already_is_news(display: str) -> None:
    holder = copy(display, "old")
    late = X11Clipboard(display)
    try:
        assert late.changed()
        assert late.read(TEXT, MOST) == b"old"
    finally:
        late.close()
        end(holder)


def test_who_copies_later_takes_its_place(display: str, clipboard: X11Clipboard) -> None:
    clipboard.write(Content(TEXT, b"ours"))
    holder = copy(display, "theirs")
    try:
        until(clipboard.changed)
        assert clipboard.read(TEXT, MOST) == b"theirs"
        clipboard.write(Content(TEXT, b"ours again"))
        assert clipboard.read(TEXT, MOST) == b"ours again"
    finally:
        end(holder)


def test_a_program_that_does_not_answer_is_not_waited_for_long(
    display: str, clipboard: X11Clipboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    silent = xcffib.connect(display)
    window, name = silent.generate_id(), "CLIPBOARD"
    root = silent.get_setup().roots[0].root
    silent.core.CreateWindowChecked(0, window, root, 0, 0, 1, 1, 0, xp.WindowClass.InputOnly, 0, 0, []).check()
    selection = silent.core.InternAtom(False, len(name), name).reply().atom
    silent.core.SetSelectionOwnerChecked(window, selection, xp.Time.CurrentTime).check()
    until(clipboard.changed)
    assert clipboard.formats() == []
    with pytest.raises(NotThereError, match="does not answer"):
        clipboard.read(TEXT, MOST)
    silent.disconnect()


def test_an_old_program_gets_latin_1(display: str, clipboard: X11Clipboard) -> None:
    clipboard.write(Content(TEXT, "Grüße €".encode()))
    asker = xcffib.connect(display)
    root = asker.get_setup().roots[0].root
    window = asker.generate_id()
    asker.core.CreateWindowChecked(0, window, root, 0, 0, 1, 1, 0, xp.WindowClass.InputOnly, 0, 0, []).check()
    atoms = {n: asker.core.InternAtom(False, len(n), n).reply().atom for n in ("CLIPBOARD", "STRING", "X", "MULTIPLE")}

    def ask(target: str) -> xp.SelectionNotifyEvent:
        asker.core.ConvertSelection(window, atoms["CLIPBOARD"], atoms[target], atoms["X"], xp.Time.CurrentTime)
        asker.flush()
        return asker.wait_for_event()

    with Serving(clipboard):
        assert ask("STRING").property == atoms["X"]
        value = asker.core.GetProperty(True, window, atoms["X"], 0, 0, 100).reply().value.buf()
        assert bytes(value).decode("latin-1") == "Grüße ?"
        assert ask("MULTIPLE").property == 0
        assert struct.calcsize("=B3x5I8x") == 32
    asker.disconnect()


def test_a_display_that_is_gone_says_so(xvfb: Callable[[], str]) -> None:  # noqa: F811
    with pytest.raises(DesktopError, match="cannot be opened"):
        X11Clipboard(":983")
