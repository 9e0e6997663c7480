"""The keyboard that we make: every character has a key, modifiers are told beside it."""

from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.platforms.linux.keysyms import MAX_KEYSYM, UNICODE
from farhand.agent.platforms.linux.wlroots.keymap import CONTROL, LEVEL3, NUMBERS, SHIFT, Keyboard, Stroke

A, CTRL, SHIFT_L, ALTGR, TAB = 30, 0xFFE3, 0xFFE1, 0xFE03, 0xFF09


def test_letters_stand_at_their_places() -> None:
    keyboard = Keyboard()
    assert keyboard.press(ord("a")) == [Stroke(0, A, True)]
    assert keyboard.press(ord("a")) == [], "programs repeat by themselves"
    assert keyboard.release(ord("a")) == [Stroke(0, A, False)]
    assert keyboard.press(ord("A")) == [Stroke(SHIFT, A, True)]
    assert keyboard.press(ord("a")) == [Stroke(0, A, False), Stroke(0, A, True)], "one key for both: pressed anew"
    assert keyboard.release(ord("A")) == []
    assert keyboard.release(ord("a")) == [Stroke(0, A, False)]
    assert keyboard.press(0xFFB0 + 7) == [Stroke(NUMBERS, 71, True)]
    assert keyboard.release(7) == []


def test_modifiers_hold_except_those_that_only_chose_the_character() -> None:
    keyboard = Keyboard()
    assert keyboard.press(CTRL) == [Stroke(CONTROL, 29, True)]
    assert keyboard.press(SHIFT_L) == [Stroke(CONTROL | SHIFT, 42, True)]
    assert keyboard.press(ord("C")) == [Stroke(CONTROL | SHIFT, 46, True)]
    assert keyboard.press(ord("7"))[0].mask == CONTROL, "Shift made another character there"
    assert keyboard.press(TAB)[0].mask == CONTROL | SHIFT
    assert keyboard.press(ALTGR) == [Stroke(CONTROL | SHIFT | LEVEL3, 100, True)]
    assert keyboard.press(ord("@"))[0] == Stroke(CONTROL | SHIFT, 3, True)
    assert [stroke.key for stroke in keyboard.release_all()] == [3, 100, 15, 8, 46, 42, 29]
    assert keyboard.press(ord("a")) == [Stroke(0, A, True)]


def test_other_characters_are_lent_a_key_and_stay_on_it() -> None:
    keyboard = Keyboard()
    omega, smile = UNICODE + 0x3A9, UNICODE + 0x1F600
    [first] = keyboard.press(omega)
    assert (first.keymap, first.mask) == (True, 0)
    assert f"key <K{first.key}>{{type=" in keyboard.text()
    assert "U03A9" in keyboard.text()
    keyboard.release(omega)
    assert keyboard.press(omega) == [Stroke(0, first.key, True)]
    [second] = keyboard.press(smile)
    assert second.key != first.key
    assert "U1F600" in keyboard.text()
    for number in range(400):
        keyboard.release(keyboard_sym := UNICODE + 0x4E00 + number)
        assert keyboard.press(keyboard_sym), "the oldest that is not held makes room"
        keyboard.release(keyboard_sym)
    assert keyboard.press(omega) == [], "still held"
    assert keyboard.release(omega) == [Stroke(0, first.key, False)]


@given(st.lists(st.tuples(st.booleans(), st.integers(-1, MAX_KEYSYM + 1)), max_size=200))
def test_whatever_comes_every_press_has_its_release(wishes: list[tuple[bool, int]]) -> None:
    keyboard, down = Keyboard(), set()
    for press, keysym in wishes:
        for stroke in keyboard.press(keysym) if press else keyboard.release(keysym):
            assert (stroke.key in down) != stroke.down
            down ^= {stroke.key}
            assert 0 < stroke.key <= 247
    for stroke in keyboard.release_all():
        down.remove(stroke.key)
    assert not down
