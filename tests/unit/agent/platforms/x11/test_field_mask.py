"""What hides the windows of a process on a real display: found by its number, kept while more come."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import xcffib
import xcffib.xproto as xp
from tests.unit.agent.screen.conftest import end, start_xvfb

from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.x11 import desktop
from farhand.agent.platforms.linux.x11.desktop import FieldMask

pytestmark = pytest.mark.display


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(desktop, "_AGAIN_S", 0.0)
    name, server = start_xvfb("320x240")
    yield name
    end(server)


class Program:
    """Its windows say that they are of `process`."""

    def __init__(self, display: str, process: int) -> None:
        self._process = process
        self._connection: Any = xcffib.connect(display)
        self._screen = self._connection.get_setup().roots[0]

    def window(self, inside: int = 0, *, says: bool = True) -> int:
        core, window = self._connection.core, self._connection.generate_id()
        parent, visual = inside or self._screen.root, self._screen.root_visual
        core.CreateWindowChecked(24, window, parent, 0, 0, 9, 9, 0, xp.WindowClass.InputOutput, visual, 0, []).check()
        if says:
            atom = core.InternAtom(False, 11, "_NET_WM_PID").reply().atom
            core.ChangePropertyChecked(
                xp.PropMode.Replace, window, atom, xp.Atom.CARDINAL, 32, 1, [self._process]
            ).check()
        return int(window)

    def destroy(self, window: int) -> None:
        self._connection.core.DestroyWindowChecked(window).check()

    def close(self) -> None:
        self._connection.disconnect()


def test_windows_are_found_by_their_process(display: str) -> None:
    mine, other = Program(display, os.getpid()), Program(display, 7)
    mask = FieldMask(display)
    assert mask(frozenset({os.getpid()})) == Mask(everything=True)
    frame = other.window(says=False)  # a window manager's
    first = mine.window(inside=frame)
    assert mask(frozenset({os.getpid()})) == Mask(windows=frozenset({(first, frame)}))
    assert mask(frozenset({os.getpid(), 7})) == Mask(everything=True)
    assert mask(frozenset({os.getpid(), 0})) == Mask(everything=True)
    assert mask(frozenset({os.getpid()})).windows
    mine.window(inside=frame)  # a menu: what is known hides it too
    assert mask(frozenset({os.getpid()})) == Mask(windows=frozenset({(first, frame)}))
    mine.destroy(first)
    assert first not in {one[0] for one in mask(frozenset({os.getpid()})).windows}
    for one in (mine, other):
        one.close()
    assert mask(frozenset({os.getpid()})) == Mask(everything=True)


def test_a_display_that_is_gone_hides_everything() -> None:
    assert FieldMask(":987")(frozenset({1})) == Mask(everything=True)
