"""A secret that is typed into a real window: live viewers see it, the recorder never does."""

import asyncio
import struct
import subprocess

import numpy as np
import pytest
import xcffib
import xcffib.xproto as xp
from tests.unit.agent.fakes import FakeDesktop, FakePort
from tests.unit.agent.screen.conftest import Reference, end
from tests.unit.agent.screen.test_display import Painter, Port, truth, until

from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.agent.platforms.linux.x11.screen import X11Screen
from farhand.agent.platforms.linux.x11.windows import focused, places
from farhand.agent.tools.input import make as make_input
from farhand.agent.tools.screen import make as make_screen
from farhand.agent.tools.screen.viewer import Mode
from farhand.agent.tools.screen.views import SETTLED, Views
from farhand.kit.process import leash
from farhand.protocol.channels import Input, Kind, Screen, channel
from farhand.protocol.frames import RECORDER_LEG

INPUT = channel(Kind.INPUT)
RED = 0xFF0000
LEG = 2


def red(picture):
    return bool(((picture & 0xFFFFFF) == RED).any())


class Eyes(Reference):
    """Remembers whether it ever saw red."""

    saw_red = False

    def apply(self, payload):
        seq = super().apply(payload)
        self.saw_red |= red(self.picture)
        return seq


class ScreenPort(Port):
    """A port whose viewers have eyes."""

    def send(self, frame_type, channel, payload=b"", leg=0):
        if frame_type == Screen.UPDATE and not isinstance(self.references[leg], Eyes):
            height, width = self.references[leg].picture.shape
            self.references[leg] = Eyes(width, height)
        return super().send(frame_type, channel, payload, leg)


@pytest.fixture
def xterm(xvfb, tmp_path):
    """A terminal in blue whose text is red, at the top left; what is typed there is shown, and nothing else."""
    display = xvfb("800x600")
    script = f"printf '\\033[?25l'; printf ready > {tmp_path}/ready; exec cat > {tmp_path}/typed"
    process = subprocess.Popen(
        ["xterm", "-display", display, "-u8", "-bg", "#0000ff", "-fg", "#ff0000", "-cr", "#0000ff", "-ms", "#0000ff",
         "-geometry", "20x5+0+0", "-e", "sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        preexec_fn=leash(),
    )  # fmt: skip
    yield display, process, tmp_path
    end(process)


class Both:
    """Screen and input of one session."""

    def __init__(self, display):
        self.screen = ScreenPort(display)
        self.screen.tool = make_screen(self.screen)
        self.port = FakePort(home=FakeDesktop(input=lambda: X11Desktop(display).open_input()))
        self.port.masking = self.screen.masking
        self.input = make_input(self.port)

    def frame(self, frame_type, payload=b""):
        self.input.on_frame(LEG, frame_type, INPUT, memoryview(payload))

    def text(self, text, flags=1, number=5):
        self.frame(Input.TEXT, struct.pack("<HB", number, flags) + text.encode())

    def answers(self):
        return [payload for kind, _channel, payload, _leg in self.port.sent if kind == Input.TYPED]

    def picture(self, leg):
        return self.screen.references[leg].picture

    def close(self):
        self.input.close()
        self.screen.tool.close()


async def begun(display, tmp_path):
    await until((tmp_path / "ready").exists, 60)
    both = Both(display)
    both.screen.start(leg=LEG)
    await until(lambda: both.screen.of(Screen.UPDATE), 60)
    both.screen.start(leg=RECORDER_LEG, colours="settled", pointer=True)
    both.frame(Input.REQUEST)
    both.frame(Input.POINTER, struct.pack("<HHB", 30, 30, 0))
    await until(lambda: blue(both.picture(RECORDER_LEG)) if RECORDER_LEG in both.screen.references else False, 60)
    return both


def blue(picture):
    return bool(((picture & 0xFFFFFF) == 0x0000FF).sum() > 1000)


async def test_a_secret_is_in_no_picture_of_the_recorder(xterm):  # the recording's own part of R-184
    display, process, tmp_path = xterm
    beside = Painter(display, 500, 400, 200, 150)
    beside.fill(0x00FF00, 0, 0, 200, 150)
    both = await begun(display, tmp_path)
    try:
        both.text("hunter2 xyz")
        await until(lambda: red(both.picture(LEG)), 60)
        assert [kind for kind, _ in both.port.posts][-1] == "secret-typed"
        await until(both.answers, 60)
        assert both.answers() == [b'{"number":5,"text":""}']
        # What is not hidden comes back, and goes on.
        await until(lambda: both.picture(RECORDER_LEG)[450, 550] & 0xFFFFFF == 0x00FF00, 60)
        assert (both.picture(RECORDER_LEG)[30:60, 30:60] & 0xFFFFFF == 0).all()
        beside.fill(0x00FF80, 0, 0, 200, 150)
        await until(lambda: both.picture(RECORDER_LEG)[450, 550] & 0xFFFFFF == 0x00FF80, 60)

        # The window moves: never a glimpse; at the old place the desktop is seen again.
        tools = xcffib.connect(display)
        root = tools.get_setup().roots[0].root
        windows = set(both.screen.masking.mask.windows)
        window = next(iter(windows))[-1]
        for step in range(20):
            tools.core.ConfigureWindow(window, xp.ConfigWindow.X | xp.ConfigWindow.Y, [step * 10, step * 15])
            tools.core.GetInputFocus().reply()
            await asyncio.sleep(0.03)
        where = places(tools, root, windows)
        assert where is not None
        assert where[0][:2] == (190, 285)
        await until(lambda: both.picture(RECORDER_LEG)[450, 550] & 0xFFFFFF == 0x00FF80, 60)
        assert (both.picture(RECORDER_LEG)[300:330, 210:240] & 0xFFFFFF == 0).all()
        tools.disconnect()

        # Whoever records later, after a START of its own, sees no more.
        both.screen.start(leg=RECORDER_LEG, colours="settled")
        await asyncio.sleep(SETTLED)
        await until(lambda: both.picture(RECORDER_LEG)[450, 550] & 0xFFFFFF == 0x00FF80, 60)
        assert not both.screen.references[RECORDER_LEG].saw_red
        assert both.screen.references[LEG].saw_red

        # The window is gone: the recorder sees everything again.
        end(process)
        beside.fill(0x00FFFF, 10, 10, 50, 50)
        await until(lambda: both.screen.references[RECORDER_LEG].same(truth(display)), 60)
        assert not both.screen.references[RECORDER_LEG].saw_red
    finally:
        both.close()
        beside.close()
    assert (tmp_path / "typed").read_text() == ""


async def test_a_recording_that_begins_later_does_not_show_it_either(xterm):
    display, _process, tmp_path = xterm
    both = await begun(display, tmp_path)
    try:
        both.screen.tool.viewer_left(LEG)
        both.text("hunter2")
        await until(both.answers, 60)
        both.screen.start(leg=LEG)
        await until(lambda: red(both.picture(LEG)), 60)
        both.screen.start(leg=RECORDER_LEG, colours="settled")
        await asyncio.sleep(2 * SETTLED)
        assert not both.screen.references[RECORDER_LEG].saw_red
    finally:
        both.close()


async def test_a_text_that_is_no_secret_is_recorded(xterm):
    display, _process, tmp_path = xterm
    both = await begun(display, tmp_path)
    try:
        both.text("open", flags=0)
        await until(lambda: red(both.picture(RECORDER_LEG)), 60)
        assert "secret-typed" not in [kind for kind, _ in both.port.posts]
        assert not both.screen.masking.mask
    finally:
        both.close()


def test_who_has_the_keyboard_and_where_its_program_is(xvfb):
    display = xvfb()
    one, other = Painter(display, 10, 20, 100, 80), Painter(display, 300, 200, 100, 80)
    tools = xcffib.connect(display)
    root = tools.get_setup().roots[0].root
    try:
        tools.core.SetInputFocus(xp.InputFocus.PointerRoot, xp.InputFocus.PointerRoot, 0)
        tools.core.WarpPointer(0, root, 0, 0, 0, 0, 40, 40)
        assert focused(tools, root) == (one.window,)
        tools.core.WarpPointer(0, root, 0, 0, 0, 0, 200, 40)
        assert focused(tools, root) == ()
        tools.core.SetInputFocus(xp.InputFocus.PointerRoot, other.window, 0)
        assert focused(tools, root) == (other.window,)
        assert places(tools, root, [(other.window,)]) == [(300, 200, 100, 80)]
        assert places(tools, root, [(other.window,), (one.window,)]) == [(10, 20, 100, 80), (300, 200, 100, 80)]

        # A frame of a window manager around it: the frame is hidden, other frames are not.
        frame, empty = tools.generate_id(), tools.generate_id()
        for number, (window, x) in enumerate(((frame, 250), (empty, 600))):
            tools.core.CreateWindow(24, window, root, x, 150, 180, 140, 0, 1, 0, xp.CW.BackPixel, [number])
            tools.core.MapWindow(window)
        tools.core.ReparentWindow(other.window, frame, 20, 30)
        tools.core.SetInputFocus(xp.InputFocus.PointerRoot, other.window, 0)
        assert focused(tools, root) == (other.window, frame)
        assert places(tools, root, [(other.window, frame)]) == [(250, 150, 180, 140)]
        tools.core.UnmapWindow(frame)
        assert places(tools, root, [(other.window, frame)]) == []
        other.close()
        tools.core.GetInputFocus().reply()
        assert places(tools, root, [(other.window, frame)]) is None
    finally:
        one.close()
        tools.disconnect()


def test_what_cannot_be_told_stays_black(xvfb):
    display = xvfb()
    painter = Painter(display, 0, 0, 800, 600)
    painter.fill(RED, 0, 0, 800, 600)
    source = X11Screen(display)
    try:
        views = Views(source, Mask(everything=True), 1.0)
        assert views.due is None
        views.join(RECORDER_LEG, Mode(), 1.0)
        views.join(LEG, Mode(), 1.0)
        eyes = {leg: Eyes(800, 600) for leg in (LEG, RECORDER_LEG)}
        for step in range(40):
            now = 1.0 + step / 4
            views.capture([(0, 0, 800, 600)], now)
            for leg, payload in views.updates(now):
                views.viewers[leg].pace.acked(eyes[leg].apply(payload), 0.0, now + 0.001)
        assert eyes[LEG].saw_red
        assert (eyes[RECORDER_LEG].picture & 0xFFFFFF == 0).all()
        assert np.all(source.places([(painter.window,)]) == [(0, 0, 800, 600)])
    finally:
        source.close()
        painter.close()
