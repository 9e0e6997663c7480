"""Keys on a real X server: what is meant arrives, whatever the keyboard's map; nothing stays pressed."""

import asyncio
import struct
import subprocess
import time

import msgspec
import pytest
import xcffib
import xcffib.xproto as xp
from tests.unit.agent.screen.conftest import end, until, xvfb  # noqa: F401

from farhand.agent.core.masking import Masking
from farhand.agent.core.tools import Question, Sent
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.agent.platforms.linux.x11.find import x11_abilities
from farhand.agent.platforms.linux.x11.input import X11Input
from farhand.agent.platforms.linux.x11.keys import keysym_of
from farhand.agent.tools.input import make, worker
from farhand.kit.process import leash
from farhand.protocol.channels import Grant, Input, Kind, channel
from farhand.protocol.input import TEXT

CHANNEL = channel(Kind.INPUT)
SHIFT, CONTROL, RETURN, ALTGR, LEFT = 0xFFE1, 0xFFE3, 0xFF0D, 0xFE03, 0xFF51


class Port:
    """A session that records what the tool says."""

    def __init__(self, display, attended=False, answer=True):
        self.loop = asyncio.get_running_loop()
        self.display, self.attended, self.answer = display, attended, answer
        self.is_asked = False
        self.typed = []
        self.states, self.posts, self.questions, self.logs = [], [], [], []
        self.masking = Masking()
        self.tool = make(self)

    def abilities(self):
        return x11_abilities(self.display) if self.display else None

    async def desktop(self):
        return X11Desktop(self.display)

    def send(self, frame_type, channel, payload=b"", leg=0):
        assert channel == CHANNEL
        said = {Input.STATE: self.states, Input.TYPED: self.typed}[frame_type]
        said.append((leg, msgspec.json.decode(payload)))
        return Sent.YES

    def post(self, kind, text="", **data):
        assert data["by"] == f"rep {data['leg']}"
        self.posts.append((kind, data["by"]))

    async def ask(self, question):
        self.questions.append(question)
        await asyncio.sleep(0)
        return self.answer

    def name_of(self, leg):
        return f"rep {leg}"

    def asking(self):
        return self.is_asked

    def grants_of(self, leg):
        return Grant.SCREEN_CONTROL

    def log(self, event, **fields):
        self.logs.append(event)

    def frame(self, frame_type, payload=b"", leg=2):
        self.tool.on_frame(leg, frame_type, CHANNEL, memoryview(payload))

    def key(self, keysym, down=True, leg=2):
        self.frame(Input.KEY, struct.pack("<BI", down, keysym), leg)

    def stroke(self, keysym, leg=2):
        self.key(keysym, True, leg)
        self.key(keysym, False, leg)


class Watcher:
    """A client that asks the server for the truth."""

    def __init__(self, display):
        self.connection = xcffib.connect(display)
        self.root = self.connection.get_setup().roots[0].root

    def pressed(self):
        keys = self.connection.core.QueryKeymap().reply().keys
        return {byte * 8 + bit for byte, value in enumerate(keys) for bit in range(8) if value >> bit & 1}

    def pointer(self):
        reply = self.connection.core.QueryPointer(self.root).reply()
        return reply.root_x, reply.root_y, reply.mask & 0x1F00

    def windows(self):
        """How many windows are shown: keys go to the one below the pointer."""
        children = self.connection.core.QueryTree(self.root).reply().children
        shown = [self.connection.core.GetWindowAttributes(window).reply().map_state for window in children]
        return shown.count(xp.MapState.Viewable)

    def spares(self):
        reply = self.connection.core.GetKeyboardMapping(8, 248).reply()
        width, symbols = reply.keysyms_per_keycode, list(reply.keysyms)
        return sum(1 for at in range(0, len(symbols), width) if not any(symbols[at : at + width]))


async def soon(condition, seconds=60.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        await asyncio.sleep(0.01)


@pytest.fixture
def terminal(xvfb, tmp_path):  # noqa: F811
    """An xterm whose typed line lands in a file."""
    display = xvfb("800x600")
    target = tmp_path / "typed"
    script = f'printf ready > {tmp_path}/ready; IFS= read -r line; printf %s "$line" > {target}.part; '
    script += f"mv {target}.part {target}"
    process = subprocess.Popen(
        ["xterm", "-display", display, "-u8", "-geometry", "100x30+0+0", "-e", "sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        preexec_fn=leash(),
    )
    watcher = Watcher(display)
    until(lambda: (tmp_path / "ready").exists() and watcher.windows())
    yield display, target
    end(process)


@pytest.mark.display
async def test_text_of_all_scripts_is_typed_into_a_real_terminal(terminal):
    display, target = terminal
    port = Port(display)
    port.frame(Input.REQUEST)
    port.frame(Input.POINTER, struct.pack("<HHB", 100, 100, 0))
    text = "Hello, World! Grüße ñ € 日本語 {[@#~]} ßÄÖÜ АБВ"
    for letter in text:
        port.stroke(keysym_of(letter))
    port.key(SHIFT)
    port.stroke(keysym_of("Q"))
    port.stroke(keysym_of("q"))
    port.stroke(keysym_of("é"))
    port.key(SHIFT, False)
    port.stroke(RETURN)
    await soon(target.exists)
    assert target.read_text(encoding="utf-8") == text + "Qqé"
    watcher = Watcher(display)
    await soon(lambda: not watcher.pressed())
    lent = watcher.spares()
    port.tool.close()
    assert watcher.spares() > lent


@pytest.mark.display
async def test_pointer_buttons_and_wheel(xvfb):  # noqa: F811
    display = xvfb()
    port, watcher = Port(display), Watcher(display)
    port.frame(Input.REQUEST)
    port.frame(Input.POINTER, struct.pack("<HHB", 321, 123, 0b101))
    await soon(lambda: watcher.pointer() == (321, 123, xp.KeyButMask.Button1 | xp.KeyButMask.Button3))
    port.frame(Input.WHEEL, struct.pack("<bb", -1, 3))
    port.frame(Input.POINTER, struct.pack("<HHB", 322, 124, 0))
    await soon(lambda: watcher.pointer() == (322, 124, 0))
    port.tool.close()


@pytest.mark.display
@pytest.mark.parametrize("how", ["release", "left", "close", "resumed", "other"])
async def test_nothing_stays_pressed(xvfb, how):  # noqa: F811
    display = xvfb()
    port, watcher = Port(display), Watcher(display)
    port.frame(Input.REQUEST)
    for keysym in (CONTROL, SHIFT, 0x61, keysym_of("語")):
        port.key(keysym)
    port.frame(Input.POINTER, struct.pack("<HHB", 10, 10, 1))
    await soon(lambda: len(watcher.pressed()) == 4 and watcher.pointer()[2])
    actions = {
        "release": lambda: port.frame(Input.RELEASE),
        "left": lambda: port.tool.viewer_left(2),
        "close": port.tool.close,
        "resumed": port.tool.resumed,
        "other": lambda: port.frame(Input.REQUEST, leg=3),
    }
    actions[how]()
    await soon(lambda: not watcher.pressed() and not watcher.pointer()[2])
    port.tool.close()


@pytest.mark.display
async def test_only_the_leg_in_control_acts(xvfb):  # noqa: F811
    display = xvfb()
    port, watcher = Port(display), Watcher(display)
    port.key(0x61)
    port.frame(Input.REQUEST)
    port.key(0x62, leg=3)
    port.frame(Input.RELEASE, leg=3)
    port.frame(Input.POINTER, struct.pack("<HHB", 77, 66, 0))
    await soon(lambda: watcher.pointer()[:2] == (77, 66))
    assert not watcher.pressed()
    port.frame(Input.REQUEST, leg=3)
    assert port.states[-1] == (0, {"leg": 3, "pending": 0, "refused": False})
    port.frame(Input.POINTER, struct.pack("<HHB", 5, 5, 0), leg=2)
    port.frame(Input.POINTER, struct.pack("<HHB", 9, 9, 0), leg=3)
    await soon(lambda: watcher.pointer()[:2] == (9, 9))
    assert port.posts == [("control-granted", "rep 2"), ("control-released", "rep 2"), ("control-granted", "rep 3")]
    port.tool.viewer_joined(4)
    assert port.states[-1] == (4, {"leg": 3, "pending": 0, "refused": False})
    port.tool.close()


@pytest.mark.display
async def test_control_is_told_when_the_desktop_takes_strokes(xvfb):  # noqa: F811
    # On a slow machine opening takes seconds, and what is typed at once after the word of control was lost.
    display = xvfb()
    port, watcher = Port(display), Watcher(display)
    gate = asyncio.Event()

    async def desktop():
        await gate.wait()
        return X11Desktop(display)

    port.desktop = desktop
    port.frame(Input.REQUEST)
    assert port.states == [(0, {"leg": 0, "pending": 2, "refused": False})]
    gate.set()
    await soon(lambda: port.states[-1] == (0, {"leg": 2, "pending": 0, "refused": False}))
    port.key(0x61)
    await soon(watcher.pressed)
    port.tool.close()


async def test_the_customer_is_asked_and_may_refuse():
    port = Port(":985", attended=True, answer=False)
    port.frame(Input.REQUEST)
    port.frame(Input.REQUEST)
    assert port.states == [(0, {"leg": 0, "pending": 2, "refused": False})]
    await soon(lambda: len(port.states) == 3)
    assert port.states[-1] == (2, {"leg": 0, "pending": 0, "refused": True})
    assert port.questions == [Question("control", "rep 2")]
    assert port.posts == [("control-requested", "rep 2"), ("control-refused", "rep 2")]


async def test_a_display_that_is_not_there_is_refused_clearly():
    port = Port(None)
    port.frame(Input.REQUEST)
    assert port.states[-1] == (2, {"leg": 0, "pending": 0, "refused": True})
    port.display = ":984"
    port.frame(Input.REQUEST)
    await soon(lambda: "input_failed" in port.logs)
    assert port.states[-1] == (2, {"leg": 0, "pending": 0, "refused": True})
    assert port.posts[-1] == ("control-released", "rep 2")


@pytest.mark.parametrize(
    ("frame_type", "payload"), [(Input.KEY, b"1"), (Input.POINTER, b"123456"), (Input.WHEEL, b""), (99, b"")]
)
async def test_malformed_frames_are_refused(frame_type, payload):
    port = Port(None)
    with pytest.raises(ValueError, match=r"bytes|not known"):
        port.frame(frame_type, payload)


@pytest.mark.display
def test_keys_follow_a_map_that_changes(xvfb):  # noqa: F811
    display = xvfb()
    sink, watcher = X11Input(display), Watcher(display)
    watcher.connection.core.ChangeKeyboardMapping(1, 38, 2, [keysym_of("q"), keysym_of("Q")])
    watcher.connection.core.ChangeKeyboardMapping(1, 24, 2, [keysym_of("a"), keysym_of("A")])
    watcher.connection.core.GetInputFocus().reply()
    # The server tells every connection of the new map in its own time.
    for _ in range(500):
        sink.key(keysym_of("a"), True)
        if 24 in watcher.pressed():
            break
        sink.key(keysym_of("a"), False)
    assert watcher.pressed() == {24}
    sink.close()
    assert not watcher.pressed()


@pytest.mark.display
async def test_who_is_silent_for_long_holds_nothing_any_more(xvfb, monkeypatch):  # noqa: F811
    monkeypatch.setattr(worker, "IDLE", 0.1)
    display = xvfb()
    port, watcher = Port(display), Watcher(display)
    port.frame(Input.REQUEST)
    port.key(CONTROL)
    port.frame(Input.POINTER, struct.pack("<HHB", 10, 10, 1))
    await soon(lambda: watcher.pressed() and watcher.pointer()[2])
    await soon(lambda: not watcher.pressed() and not watcher.pointer()[2])
    port.key(SHIFT)
    await soon(watcher.pressed)
    port.tool.close()


class Keys:
    """A keyboard that keeps what is struck, and a customer's client that asks at the 20th stroke."""

    def __init__(self, port):
        self.port, self.strokes = port, []

    def open_input(self):
        return self

    def key(self, keysym, down):
        self.strokes.append((keysym, down))
        self.port.is_asked |= len(self.strokes) == 20

    def focus(self):
        return (7,)

    def release(self):
        pass

    def rest(self):
        return True

    def close(self):
        pass


async def test_nobody_answers_a_question_by_strokes_that_were_under_way():
    port = Port(":982")
    keys = Keys(port)
    port.desktop = lambda: asyncio.sleep(0, keys)
    port.frame(Input.REQUEST)
    await soon(lambda: port.posts == [("control-granted", "rep 2")])
    port.frame(Input.TEXT, TEXT.pack(5, 0) + b"\t\n" * 400)
    await soon(lambda: port.typed)
    assert len(keys.strokes) == 20
    port.key(RETURN)
    port.key(RETURN, False)
    await soon(lambda: len(keys.strokes) > 20)
    assert keys.strokes[20:] == [(RETURN, False)], "what was held is let go of, nothing is pressed"
    assert port.typed == [
        (2, {"number": 5, "text": "Not all was typed, because the customer is being asked. Try again later."})
    ]
    port.tool.close()


@pytest.mark.display
def test_programs_have_time_to_hear_of_each_new_key(xvfb, monkeypatch):  # noqa: F811
    sink = X11Input(xvfb())
    waits = []
    monkeypatch.setattr("farhand.agent.platforms.linux.x11.input.time.sleep", waits.append)
    for letter in "日本":
        sink.key(keysym_of(letter), True)
        sink.key(keysym_of(letter), False)
    assert waits[0] == 0
    assert 0.05 < waits[1] <= 0.1
    sink.key(keysym_of("日"), True)
    assert len(waits) == 2, "a character that has its key is typed at once"
    sink.close()
