"""The screen tool on a real X server: exact pixels, rest when nothing changes, clear ends."""

import asyncio
import itertools
import struct
import threading
import time

import msgspec
import numpy as np
import pytest
import xcffib
import xcffib.randr
import xcffib.xproto as xp
from tests.unit.agent.screen.conftest import Reference

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.masking import Masking
from farhand.agent.core.tools import Question, Sent
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.agent.platforms.linux.x11.find import x11_abilities
from farhand.agent.platforms.linux.x11.screen import X11Screen
from farhand.agent.tools.screen import make
from farhand.agent.tools.screen.viewer import Mode
from farhand.agent.tools.screen.worker import ScreenWorker
from farhand.protocol import screen as layout
from farhand.protocol.channels import Grant, Kind, Screen, channel

CHANNEL = channel(Kind.SCREEN)


class Painter:
    """A window of our own that draws."""

    def __init__(self, display, x=40, y=30, width=600, height=400):
        self.connection = xcffib.connect(display)
        screen = self.connection.get_setup().roots[0]
        self.window, self.width, self.height = self.connection.generate_id(), width, height
        self.connection.core.CreateWindow(
            24, self.window, screen.root, x, y, width, height, 0, xp.WindowClass.InputOutput, screen.root_visual,
            xp.CW.BackPixel | xp.CW.OverrideRedirect, [0x203040, 1],
        )  # fmt: skip
        self.connection.core.MapWindow(self.window)
        self.context = self.connection.generate_id()
        self.connection.core.CreateGC(self.context, self.window, 0, [])
        self.sync()

    def sync(self):
        self.connection.core.GetInputFocus().reply()

    def fill(self, colour, x, y, width, height):
        self.connection.core.ChangeGC(self.context, xp.GC.Foreground, [colour])
        self.connection.core.PolyFillRectangle(
            self.window, self.context, 1, [xp.RECTANGLE.synthetic(x, y, width, height)]
        )
        self.sync()

    def picture(self, pixels, x=0, y=0):
        height, width = pixels.shape
        for top in range(0, height, 32):
            part = np.ascontiguousarray(pixels[top : top + 32])
            self.connection.core.PutImage(
                xp.ImageFormat.ZPixmap, self.window, self.context, width, part.shape[0], x, y + top, 0, 24,
                part.size * 4, part.tobytes(),
            )  # fmt: skip
        self.sync()

    def scroll(self, by):
        core = self.connection.core
        core.CopyArea(self.window, self.window, self.context, 0, by, 0, 0, self.width, self.height - by)
        self.sync()

    def close(self):
        self.connection.disconnect()


class Port:
    """A session that records what the tool says."""

    def __init__(self, display, attended=False, answer=True):
        self.loop = asyncio.get_running_loop()
        self.display, self.attended, self.answer = display, attended, answer
        self.sent, self.posts, self.questions, self.logs = [], [], [], []
        self.tool = None
        self.references = {}
        self.thread = threading.get_ident()
        self.masking = Masking()

    def abilities(self):
        return x11_abilities(self.display) if self.display else None

    async def desktop(self):
        return X11Desktop(self.display)

    def backlog(self, kind):
        return 0

    def send(self, frame_type, channel, payload=b"", leg=0):
        assert threading.get_ident() == self.thread
        assert channel == CHANNEL
        self.sent.append((frame_type, leg, bytes(payload)))
        if frame_type == Screen.STARTED:
            started = msgspec.json.decode(payload)
            self.references[leg] = Reference(started["width"], started["height"])
        if frame_type == Screen.UPDATE:
            seq = self.references[leg].apply(bytes(payload))
            self.tool.on_frame(leg, Screen.ACK, CHANNEL, memoryview(layout.ACK.pack(seq, 5)))
        return Sent.YES

    def post(self, kind, text="", **data):
        assert data["by"] == f"rep {data['leg']}"
        self.posts.append((kind, data["by"]))

    async def ask(self, question: Question):
        self.questions.append(question)
        await asyncio.sleep(0.01)
        return self.answer

    def name_of(self, leg):
        return f"rep {leg}"

    def asking(self):
        return False

    def grants_of(self, leg):
        return Grant.SCREEN_VIEW

    def log(self, event, **fields):
        self.logs.append(event)

    def start(self, leg=2, **fields):
        self.tool.on_frame(leg, Screen.START, CHANNEL, memoryview(msgspec.json.encode(fields)))

    def of(self, frame_type):
        return [(leg, payload) for kind, leg, payload in self.sent if kind == frame_type]


async def until(condition, seconds=60.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        await asyncio.sleep(0.01)


async def at_rest(port, draw=lambda step: None):
    """Wait until the worker has slept through 50 steps, also while something is drawn; return how much was sent."""
    limit, before, since = time.monotonic() + 60, None, 0
    for step in itertools.count():
        now = port.tool._worker.turns, len(port.sent)
        before, since = (now, since) if now == before else (now, step)
        if step - since >= 50:
            return now[1]
        assert time.monotonic() < limit, "it never came to rest"
        draw(step)
        await asyncio.sleep(0.03)
    return 0


def truth(display):
    screen = X11Screen(display)
    try:
        return screen.grab((0, 0, screen.width, screen.height)).copy()
    finally:
        screen.close()


@pytest.fixture
async def session(xvfb):
    """Call it to get a port with its tool on a fresh X server."""
    tools = []

    def begin(size="800x600", **options):
        port = Port(xvfb(size), **options)
        port.tool = make(port)
        tools.append(port.tool)
        return port

    yield begin
    for tool in tools:
        tool.close()


@pytest.mark.display
async def test_what_is_drawn_arrives_exactly(session):
    port = session()
    painter = Painter(port.display)
    port.start()
    port.start(leg=3)
    port.start(leg=0xFFFF, max_fps=8, colours="settled")
    await until(lambda: len(port.references) == 3)
    chance = np.random.default_rng(1)
    text = np.where(chance.random((400, 600)) < 0.2, 0xFFFFFF, 0x101010).astype(np.uint32)
    painter.picture(text)
    await until(lambda: port.references[2].same(truth(port.display)))
    for step in range(12):
        painter.scroll(13)
        painter.fill(step * 0x010203, 0, 387, 600, 13)
        await asyncio.sleep(0.03)
    painter.picture(chance.integers(0, 1 << 24, (128, 128), np.uint32), 200, 100)
    for leg in (2, 3, 0xFFFF):
        await until(lambda leg=leg: port.references[leg].same(truth(port.display)))
    assert layout.Encoding.COPY in port.references[2].kinds
    assert len(port.references[2].seqs) < 200
    assert port.of(Screen.CURSOR)
    assert ("screen-started", "rep 2") in port.posts
    assert len([post for post in port.posts if post[0] == "screen-started"]) == 2
    painter.close()


@pytest.mark.display
async def test_a_change_that_is_reported_along_with_an_answer_is_not_slept_over(xvfb):
    # The server reports a change once; when the report comes with the answer to a capture, the socket stays silent.
    display = xvfb()
    painter = Painter(display)
    late = []

    class Drawn(X11Screen):
        def grab(self, rect):
            if late:
                painter.fill(late.pop(), 50, 50, 40, 40)  # after `take`, before the answer is read
            return super().grab(rect)

    shown = []
    worker = ScreenWorker(lambda: Drawn(display), shown.append, lambda *_: None)
    worker.join(2, Mode())
    reference = Reference(800, 600)
    done = [0]

    def look(acknowledge=False):
        """Draw what came, and say whether it is what the screen shows."""
        while done[0] < len(shown):
            for kind, leg, payload in shown[done[0]]:
                if kind == Screen.UPDATE:
                    seq = reference.apply(payload)
                    if acknowledge:
                        worker.acked(leg, seq, 0.0)
            done[0] += 1
        return reference.same(truth(display))

    try:
        await until(lambda: look(acknowledge=True))
        for colour in range(8):  # few enough to need no acknowledgement, which would wake the worker
            await asyncio.sleep(0.05)
            late.append(0x405060 + colour)
            painter.fill(0x102030 + colour, 200, 200, 30, 30)
            await until(lambda: not late and look())
    finally:
        worker.stop()
        painter.close()


@pytest.mark.display
async def test_a_still_screen_costs_nothing(session):
    port = session()
    painter = Painter(port.display)
    port.start()
    await until(lambda: port.references and port.references[2].same(truth(port.display)))
    sent = await at_rest(port)
    painter.fill(0xFF0000, 5, 5, 9, 9)
    await until(lambda: len(port.sent) > sent)
    painter.close()


@pytest.mark.display
async def test_a_viewer_that_never_acknowledges_costs_nothing(session):
    port = session()
    painter = Painter(port.display)
    port.start()
    await until(lambda: port.references and port.references[2].same(truth(port.display)))
    await at_rest(port)
    acked, port.tool._worker.acked = port.tool._worker.acked, lambda *ack: None
    await at_rest(port, lambda step: painter.fill(step * 77_777, 0, 0, 500, 300))
    port.tool._worker.acked = acked
    port.tool.resumed()
    await until(lambda: port.references[2].same(truth(port.display)))
    painter.close()


@pytest.mark.display
async def test_the_customer_is_asked_once_for_each_representative(session):
    port = session(attended=True)
    port.start()
    port.start(leg=3)
    assert not port.sent
    await until(lambda: 2 in port.references and 3 in port.references)
    assert port.questions == [Question("screen", "rep 2"), Question("screen", "rep 3")]
    assert port.posts[:2] == [("screen-requested", "rep 2"), ("screen-requested", "rep 3")]
    port.tool.on_frame(2, Screen.STOP, CHANNEL, memoryview(b""))
    port.start()
    await until(lambda: len([1 for leg, _ in port.of(Screen.STARTED) if leg == 2]) == 2)
    assert len(port.questions) == 2


@pytest.mark.display
async def test_a_refusal_shows_nothing(session):
    port = session(attended=True, answer=False)
    port.start()
    await until(lambda: port.of(Screen.STOPPED))
    assert msgspec.json.decode(port.of(Screen.STOPPED)[0][1])["reason"] == "refused"
    assert ("screen-refused", "rep 2") in port.posts
    assert not port.of(Screen.UPDATE)
    assert not port.of(Screen.STARTED)


@pytest.mark.display
async def test_the_recorder_sees_only_while_somebody_else_does(session):
    port = session()
    port.start(leg=0xFFFF)
    assert port.of(Screen.STOPPED)[0][0] == 0xFFFF
    port.start()
    port.start(leg=0xFFFF)
    await until(lambda: len(port.references) == 2)
    port.tool.viewer_left(2)
    assert port.of(Screen.STOPPED)[-1][0] == 0xFFFF
    assert port.tool._worker is None
    count = len(port.sent)
    await asyncio.sleep(0.2)
    assert len(port.sent) == count
    assert port.posts[-1] == ("screen-stopped", "rep 2")


@pytest.mark.display
async def test_a_switch_that_takes_sharing_away_is_on_record(session):
    port = session()
    port.start()
    port.start(leg=0xFFFF)
    await until(lambda: len(port.references) == 2)
    port.tool.close()
    port.tool.close()
    assert [post for post in port.posts if post[0] == "screen-stopped"] == [("screen-stopped", "rep 2")]


async def test_no_display_is_said(session):
    port = Port(None)
    port.tool = make(port)
    port.start()
    assert msgspec.json.decode(port.of(Screen.STOPPED)[0][1])["reason"] == "no-display"
    port.display = ":987"
    port.start()
    await until(lambda: len(port.of(Screen.STOPPED)) == 2)
    stopped = msgspec.json.decode(port.of(Screen.STOPPED)[1][1])
    assert stopped["reason"] == "no-display"
    assert ":987" in stopped["text"]
    port.tool.close()


@pytest.mark.display
async def test_a_display_that_goes_away_ends_sharing_and_a_new_start_works(session, xvfb):
    port = session()
    port.start()
    await until(lambda: port.references)
    xvfb.process.kill()
    await until(lambda: port.of(Screen.STOPPED))
    assert msgspec.json.decode(port.of(Screen.STOPPED)[0][1])["reason"] == "no-display"
    assert port.posts[-1] == ("screen-stopped", "rep 2")
    port.display = xvfb("320x240")
    port.start()
    await until(lambda: port.references[2].picture.shape == (240, 320) and port.references[2].same(truth(port.display)))


@pytest.mark.display
async def test_a_new_resolution_is_followed(session):
    port = session("800x600")
    port.start()
    await until(lambda: port.references and port.references[2].same(truth(port.display)))
    connection = xcffib.connect(port.display)
    root = connection.get_setup().roots[0].root
    randr = connection(xcffib.randr.key)
    randr.QueryVersion(1, 2).reply()
    resources = randr.GetScreenResources(root).reply()
    randr.SetCrtcConfig(resources.crtcs[0], 0, resources.config_timestamp, 0, 0, 0, 1, 0, []).reply()
    randr.SetScreenSizeChecked(root, 640, 480, 169, 127).check()
    await until(lambda: port.references[2].picture.shape == (480, 640) and port.references[2].same(truth(port.display)))
    assert [leg for leg, _ in port.of(Screen.STARTED)] == [2, 2]
    connection.disconnect()


@pytest.mark.display
async def test_bad_frames_are_refused(session):
    port = session()
    port.start()
    for frame_type, payload in (
        (Screen.ACK, b"123"),
        (Screen.START, b"{}}"),
        (Screen.START, b'{"max_fps":0}'),
        (99, b""),
    ):
        with pytest.raises(ValueError):  # noqa: PT011  msgspec's errors are ValueErrors
            port.tool.on_frame(2, frame_type, CHANNEL, memoryview(payload))
    port.tool.on_frame(9, Screen.ACK, CHANNEL, memoryview(struct.pack("<IH", 77, 0)))
    port.tool.on_frame(9, Screen.REFRESH, CHANNEL, memoryview(b""))


@pytest.mark.display
def test_a_source_without_a_server_says_so():
    with pytest.raises(DesktopError, match=":986"):
        X11Screen(":986")
