"""A real compositor with wlroots' protocols: what is captured, typed, pointed at and exchanged."""

import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.appliance import wait_for
from tests.harness.sway import Sway

from farhand.agent.core.desktop import Content, DesktopError, NotThereError, ScreenSource
from farhand.agent.platforms import here
from farhand.agent.platforms.linux import machine
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.wayland.find import find_compositor
from farhand.agent.platforms.linux.wlroots.desktop import WlrootsDesktop
from farhand.protocol.clipboard import FILES, PNG, PNG_HEAD, TEXT, pack_files

pytestmark = pytest.mark.display
_GREY, _GREEN, _BLUE = 0x707070, 0x00C000, 0x2060A0


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sway]]:
    """Start compositors, each in a folder of its own that its user may enter."""
    running: list[Sway] = []

    def make(*words: str) -> Sway:
        import tempfile

        running.append(Sway(Path(tempfile.mkdtemp(prefix="sway-")), *words))
        return running[-1]

    yield make
    for one in running:
        one.stop()


def desktop_of(sway: Sway) -> WlrootsDesktop:
    found = find_compositor(sway.display)
    assert found is not None
    return WlrootsDesktop(found)


def background(color: int, output: str = "*") -> str:
    return f"output {output} background #{color:06x} solid_color"


def follow(
    screen: ScreenSource, picture: np.ndarray[Any, Any], until: Callable[[], bool], within: float = 60.0
) -> None:
    """Bring a picture up to date by damage alone, as the screen tool does."""
    deadline = time.monotonic() + within
    while not until():
        assert time.monotonic() < deadline, "the picture did not come to what was expected"
        if not screen.news():
            select.select([screen.fileno()], [], [], 0.2)
        changes = screen.poll()
        assert not changes.resized
        if changes.damage:
            for x, y, width, height in screen.take():
                picture[y : y + height, x : x + width] = screen.grab((x, y, width, height))


def whole(screen: ScreenSource) -> np.ndarray[Any, Any]:
    screen.take()
    return np.array(screen.grab((0, 0, screen.width, screen.height)))


def plain(picture: np.ndarray[Any, Any], color: int) -> bool:
    return bool(((picture & 0xFFFFFF) == color).all())


#
def test_a_still_screen_is_silent_and_a_changed_one_is_told(start: Callable[..., Sway]) -> None:
    sway = start()
    desktop = desktop_of(sway)
    screen = desktop.open_screen()
    assert (screen.width, screen.height) == (800, 600)
    picture = whole(screen)
    terminal = sway.terminal(f"{_GREEN:06x}", "sleep", "1000")
    follow(screen, picture, lambda: plain(picture, _GREEN))
    quiet = time.monotonic()
    follow(screen, picture, lambda: time.monotonic() - quiet > 1)
    changed = []
    for _ in range(5):
        select.select([screen.fileno()], [], [], 0.2)
        changed.append(screen.poll().damage)
    assert changed == [False] * 5, "nothing is told while nothing changes"
    terminal.terminate()
    follow(screen, picture, lambda: not plain(picture, _GREEN))
    width, height, words = screen.cursor()[2:]
    assert len(words) == width * height * 4
    screen.close()
    assert desktop.alive()
    sway.stop()
    assert not desktop.alive()
    with pytest.raises(DesktopError, match="has stopped"):
        desktop.open_screen()


def test_a_picture_that_waited_is_taken_anew(start: Callable[..., Sway]) -> None:
    sway = start()
    screen = desktop_of(sway).open_screen()
    picture = whole(screen)
    first = sway.terminal(f"{_BLUE:06x}", "sleep", "1000")
    follow(screen, picture, lambda: plain(picture, _BLUE))
    first.terminate()
    wait_for(lambda: screen.poll().damage or None, what="the end of the window")
    sway.terminal(f"{_GREEN:06x}", "sleep", "1000")
    time.sleep(2)  # the slow viewer's pause; nothing is asked of the compositor meanwhile
    follow(screen, picture, lambda: plain(whole(screen), _GREEN))
    screen.close()


#
def test_what_is_typed_and_pointed_at_arrives(start: Callable[..., Sway]) -> None:
    sway = start()
    sink = desktop_of(sway).open_input()
    typed = sway.folder / "typed"
    modes = r"printf '\033[?1003h\033[?1006h\033[?1016h'"
    sway.terminal(f"{_BLUE:06x}", "sh", "-c", f"stty raw -echo; {modes}; touch {typed}; exec cat >> {typed}")
    wait_for(typed.exists, what="the terminal")
    said = "Hello, World! Grüße, Ω → 你好 😀 ~|{}\r"

    def arrived(text: str) -> bool:
        return text.encode() in typed.read_bytes()

    def presses() -> bool:
        # Its window takes the keyboard some time after its program runs.
        sink.key(ord("!"), True)
        sink.key(ord("!"), False)
        return arrived("!")

    wait_for(presses, what="the terminal's keyboard")
    for letter in said:
        code = 0xFF0D if letter == "\r" else ord(letter) if ord(letter) < 256 else 0x1000000 + ord(letter)
        sink.key(code, True)
        sink.key(code, False)
    wait_for(lambda: arrived(said), what="what was typed")
    for keysym in (0xFFE3, ord("c")):
        sink.key(keysym, True)
    sink.release()
    wait_for(lambda: arrived("\x03"), what="Ctrl+C")
    sink.pointer(300, 200, 0)
    sink.pointer(300, 200, 1)
    sink.pointer(300, 200, 0)
    sink.pointer(10, 20, 4)
    sink.release()
    sink.wheel(0, 2)
    report = typed.read_text
    # SGR mouse reports in pixels: button, column, row, from 1; M pressed, m let go.
    wait_for(lambda: arrived("\x1b[<0;301;201M") or None, what=f"the left button: {report()!r}")
    for sequence in ("\x1b[<0;301;201m", "\x1b[<2;11;21M", "\x1b[<2;11;21m", "\x1b[<65;11;21M"):
        wait_for(lambda wanted=sequence: arrived(wanted) or None, what=f"{sequence!r} in {report()!r}")
    assert sink.rest()
    sink.close()


def test_monitors_are_one_picture_or_each_its_own(start: Callable[..., Sway]) -> None:
    sway = start("400x300")
    desktop = desktop_of(sway)
    screen = desktop.open_screen()
    assert [one.id for one in desktop.monitors()] == ["HEADLESS-1"]
    assert sway.command("create_output").returncode == 0
    assert sway.command("output HEADLESS-2 mode 320x200 position 400 0").returncode == 0
    wait_for(lambda: screen.poll().resized or None, what="news of the second monitor")
    screen.close()
    for color, number in ((_GREEN, 1), (_BLUE, 2)):
        assert sway.command(f"focus output HEADLESS-{number}").returncode == 0
        sway.terminal(f"{color:06x}", "sleep", "1000")
        one = desktop.open_screen(f"HEADLESS-{number}")
        picture = whole(one)
        follow(one, picture, lambda now=picture, wanted=color: plain(now, wanted))
        one.close()
    assert [(one.id, one.x, one.width) for one in desktop.monitors()] == [
        ("HEADLESS-1", 0, 400),
        ("HEADLESS-2", 400, 320),
    ]
    screen = desktop.open_screen()
    picture = whole(screen)
    assert picture.shape == (300, 720)
    assert plain(picture[:, :400], _GREEN)
    assert plain(picture[:200, 400:], _BLUE)
    assert plain(picture[200:, 400:], 0)
    screen.close()
    with pytest.raises(DesktopError, match="not there any more"):
        desktop.open_screen("HEADLESS-9")


def test_a_turned_monitor_shows_what_a_person_sees(start: Callable[..., Sway]) -> None:
    sway = start("400x300", "default_orientation horizontal")
    desktop = desktop_of(sway)
    screen = desktop.open_screen()
    for color in (_GREEN, _BLUE, _GREY):
        sway.terminal(f"{color:06x}", "sleep", "1000")
        picture = whole(screen)
        follow(screen, picture, lambda now=picture, wanted=color: bool(((now & 0xFFFFFF) == wanted).any()))
        if color == _BLUE:
            assert sway.command("splitv").returncode == 0

    def settled() -> bool:
        # The first window is the left half, the second above the third in the right one.
        now = whole(screen) & 0xFFFFFF
        y, x = now.shape[0] // 2, now.shape[1] // 2
        left, above, below = now[:, : x - 9], now[: y - 9, x + 9 :], now[y + 9 :, x + 9 :]
        return bool((left == _GREEN).all() and (above == _BLUE).all() and (below == _GREY).all())

    for transform in ("90", "180", "270", "flipped", "flipped-90", "flipped-180", "flipped-270"):
        assert sway.command(f"output HEADLESS-1 transform {transform}").returncode == 0
        wait_for(lambda now=screen: now.poll().resized or None, what=f"news of the turn to {transform}")
        screen.close()
        wait_for(lambda wanted=transform: turned_as(desktop, wanted) or None, what="the turn")
        screen = desktop.open_screen()
        follow(screen, np.array(whole(screen)), settled)
    screen.close()


def turned_as(desktop: WlrootsDesktop, transform: str) -> bool:
    one = desktop.monitors()[0]
    return (one.width < one.height) == ("90" in transform or "270" in transform)


def test_the_clipboard_goes_both_ways(start: Callable[..., Sway]) -> None:
    desktop = desktop_of(start())
    ours, theirs = desktop.open_clipboard(), desktop.open_clipboard()
    assert ours.formats() == []
    with pytest.raises(NotThereError):
        ours.read(TEXT, 100)
    text = ("Grüße 😀\n" * 20_000).encode()
    ours.write(Content(TEXT, text))
    assert not ours.changed()
    assert (ours.formats(), ours.read(TEXT, len(text))) == ([TEXT], text)
    wait_for(lambda: theirs.changed() or None, what="the news")
    assert theirs.formats() == [TEXT]
    late = desktop.open_clipboard()
    assert late.changed()
    assert late.formats() == [TEXT]
    late.close()
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            select.select([ours.fileno()], [], [], 0.05)
            ours.changed()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        assert theirs.read(TEXT, len(text)) == text
        with pytest.raises(NotThereError) as caught:
            theirs.read(TEXT, len(text) - 1)
        assert caught.value.too_long
        with pytest.raises(NotThereError):
            theirs.read(PNG, 1000)
    finally:
        over.set()
        serving.join()
    theirs.write(Content(PNG, PNG_HEAD + b"rest"))
    wait_for(lambda: ours.changed() or None, what="the news")
    assert ours.formats() == [PNG]
    assert theirs.read(PNG, 1000) == PNG_HEAD + b"rest"
    theirs.close()
    wait_for(lambda: ours.changed() or None, what="the end of it")
    assert ours.formats() == []
    ours.close()


def test_files_go_both_ways_by_their_paths(start: Callable[..., Sway]) -> None:
    desktop = desktop_of(start())
    ours, theirs = desktop.open_clipboard(), desktop.open_clipboard()
    content = pack_files([b"/home/a/one two", b"/home/b"])
    ours.write(Content(FILES, content))
    wait_for(lambda: theirs.changed() or None, what="the news")
    assert theirs.formats() == [FILES, TEXT]
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            select.select([ours.fileno()], [], [], 0.05)
            ours.changed()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        assert theirs.read(FILES, 10_000) == content
        assert theirs.read(TEXT, 10_000) == b"/home/a/one two\n/home/b"
    finally:
        over.set()
        serving.join()
    theirs.close()
    ours.close()


def test_the_platform_says_what_can_be_done(start: Callable[..., Sway], monkeypatch: pytest.MonkeyPatch) -> None:
    sway = start()
    facts = here().facts(sway.display)
    assert facts.display
    assert facts.desktop is not None
    can = {name: getattr(facts.desktop, name).can for name in ("see", "control", "clipboard")}
    assert (facts.desktop.kind, can) == ("wlroots", {"see": True, "control": True, "clipboard": True})
    assert facts.desktop.login_screen.reason
    assert facts.desktop.block_input.reason


def test_a_program_is_opened_on_it(start: Callable[..., Sway], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sway = start()
    program = tmp_path / "x-terminal-emulator"
    program.write_text("#!/bin/sh\nexec foot --title opened-here sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(machine, "signed_in", own)
    here().machine(sway.display).run("terminal", "user")
    wait_for(lambda: "opened-here" in sway.command("-t", "get_tree").stdout, what="the terminal's window")


def test_its_locker_locks_it(start: Callable[..., Sway], monkeypatch: pytest.MonkeyPatch) -> None:
    sway = start("200x100", background(_BLUE))
    monkeypatch.setattr(machine, "signed_in", own)
    screen = desktop_of(sway).open_screen()
    picture = whole(screen)
    here().machine(sway.display).run("lock-screen", "user")
    follow(screen, picture, lambda: plain(picture, 0xFFFFFF))  # the locker's own colour
    screen.close()
