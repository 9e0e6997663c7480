"""The pointer's place: followed on a real display for those who asked, told again with each full picture."""

import asyncio

from tests.unit.agent.screen.test_display import Port, until

from farhand.agent.core.desktop import Changes
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.agent.tools.screen import make
from farhand.agent.tools.screen.pointer import EVERY, Pointer
from farhand.protocol import screen as layout
from farhand.protocol.channels import Screen
from farhand.protocol.frames import RECORDER_LEG


class Source:
    """A pointer that is where it is put."""

    def __init__(self):
        self.place, self.follows, self.asked = (1, 2), [], 0

    def cursor(self):
        return 0, 0, 1, 1, bytes(4)

    def follow(self, on):
        self.follows.append(on)

    def pointer(self):
        self.asked += 1
        return self.place


def test_nothing_is_asked_while_nobody_follows():
    source = Source()
    pointer = Pointer(source)
    assert pointer.moved(Changes(pointer=True, damage=True), [], 1.0) == []
    assert (source.follows, source.asked, pointer.due, pointer.all()) == ([], 0, None, [])


def test_a_moving_pointer_is_told_at_a_bounded_rate_and_its_last_place_always():
    source = Source()
    pointer = Pointer(source)
    assert pointer.moved(Changes(), [3], 1.0) == [layout.POINTER.pack(1, 2)]
    source.place = (3, 4)
    assert pointer.moved(Changes(pointer=True), [3], 1.0 + EVERY / 5) == []
    source.place = (5, 6)
    assert pointer.moved(Changes(pointer=True), [3], 1.0 + EVERY / 2) == []
    assert pointer.due == 1.0 + EVERY
    assert pointer.moved(Changes(), [3], pointer.due) == [layout.POINTER.pack(5, 6)]
    assert pointer.due is None
    # Where it was is not told twice; outside is a place too.
    assert pointer.moved(Changes(damage=True), [3], 2.0) == []
    source.place = None
    assert pointer.moved(Changes(pointer=True), [3], 3.0) == [layout.POINTER.pack(layout.NOWHERE, layout.NOWHERE)]
    assert pointer.moved(Changes(), [], 4.0) == []
    assert source.follows == [True, False]


async def test_a_real_pointer_is_followed_for_who_asked(xvfb):
    display = xvfb()
    port = Port(display)
    port.tool = make(port)
    hand = X11Desktop(display).open_input()
    try:
        hand.pointer(5, 6, 0)
        port.start(leg=2)
        await until(lambda: port.of(Screen.UPDATE))
        port.start(leg=RECORDER_LEG, pointer=True)
        await until(lambda: (RECORDER_LEG, layout.POINTER.pack(5, 6)) in port.of(Screen.POINTER))
        hand.pointer(700, 310, 0)
        await until(lambda: (RECORDER_LEG, layout.POINTER.pack(700, 310)) in port.of(Screen.POINTER))
        assert {leg for leg, _ in port.of(Screen.POINTER)} == {RECORDER_LEG}

        # Behind the full picture come shape and place.
        del port.sent[:]
        port.tool.on_frame(RECORDER_LEG, Screen.REFRESH, 0x200, memoryview(b""))
        await until(lambda: port.of(Screen.POINTER))
        kinds = [kind for kind, leg, _ in port.sent if leg == RECORDER_LEG]
        assert kinds[:3] == [Screen.UPDATE, Screen.CURSOR, Screen.POINTER]
        assert layout.is_key(port.of(Screen.UPDATE)[0][1])

        # A pointer that rests wakes nobody.
        worker = port.tool._worker
        turns = -1
        while turns != worker.turns:
            turns = worker.turns
            await asyncio.sleep(1)
    finally:
        hand.close()
        port.tool.close()
