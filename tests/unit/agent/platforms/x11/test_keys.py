"""Plans of key strokes: the right key and level, whatever is held, and spare keys for what no key has."""

from farhand.agent.platforms.linux.x11.keys import Do, Keyboard, KeyMap, Step, keysym_of

SHIFT, ALTGR = 0xFFE1, 0xFE03

# Keys: 10 = a A, 11 = 7 /, 12 = q Q @ (AltGr), 13 = Shift, 14 = AltGr, 15 and 16 spare
ROWS = [
    [0x61, 0x41], [0x37, 0x2F], [0x71, 0x51, 0, 0, 0x40, 0], [SHIFT], [ALTGR], [0, 0], [0, 0],
]  # fmt: skip
MODIFIERS = [[13], [], [], [], [], [], [], [14]]


def plan(keysym, state=0, held=()):
    keyboard = Keyboard(KeyMap(10, ROWS, MODIFIERS))
    for key in held:
        keyboard.press(key, 0)
    return [(step.do.value, step.key) for step in keyboard.press(keysym, state)]


def test_levels_are_picked_without_fighting_held_modifiers():
    assert plan(0x61) == [("down", 10)]
    assert plan(0x41) == [("down", 13), ("down", 10), ("up", 13)]
    assert plan(0x41, state=1, held=[SHIFT]) == [("down", 10)]
    assert plan(0x37, state=1, held=[SHIFT]) == [("up", 13), ("down", 11), ("down", 13)]
    assert plan(0x40) == [("down", 14), ("down", 12), ("up", 14)]
    assert plan(0x40, state=128, held=[ALTGR]) == [("down", 12)]
    assert plan(0x2F, state=128, held=[ALTGR]) == [
        ("down", 13), ("up", 14), ("down", 11), ("down", 14), ("up", 13),
    ]  # fmt: skip


def test_caps_lock_acts_on_letters_only():
    assert plan(0x61, state=2) == [("down", 13), ("down", 10), ("up", 13)]
    assert plan(0x41, state=2) == [("down", 10)]
    assert plan(0x37, state=2) == [("down", 11)]


def test_spare_keys_are_lent_reused_and_given_back():
    keyboard = Keyboard(KeyMap(10, ROWS, MODIFIERS))
    euro, kanji, eth = keysym_of("€"), keysym_of("日"), keysym_of("ð")
    assert keyboard.press(euro, 1) == [Step(Do.MAP, 16, euro), Step(Do.DOWN, 16)]
    assert keyboard.press(euro, 0) == []
    assert keyboard.release(euro) == [Step(Do.UP, 16)]
    assert keyboard.press(kanji, 0) == [Step(Do.MAP, 15, kanji), Step(Do.DOWN, 15)]
    assert keyboard.press(eth, 0) == [Step(Do.WAIT), Step(Do.MAP, 16, eth), Step(Do.DOWN, 16)]
    assert keyboard.press(euro, 0) == []
    assert keyboard.give_back() == []
    assert set(keyboard.release_all()) == {Step(Do.UP, 16), Step(Do.UP, 15)}
    assert {step.key for step in keyboard.give_back()} == {15, 16}
    assert not keyboard.lent


def test_unknown_keysyms_press_nothing():
    keyboard = Keyboard(KeyMap(10, ROWS, MODIFIERS))
    assert keyboard.press(0, 0) == []
    assert keyboard.press(0xFFFFFFFF, 0) == []
    assert keyboard.release(0x61) == []


def test_two_characters_of_one_key_do_not_swallow_each_other():
    keyboard = Keyboard(KeyMap(10, ROWS, MODIFIERS))
    keyboard.press(0x61, 0)
    assert Step(Do.UP, 10) in keyboard.press(0x41, 0)
    assert keyboard.release(0x61) == []
    assert keyboard.release(0x41) == [Step(Do.UP, 10)]
