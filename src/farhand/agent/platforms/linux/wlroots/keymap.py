"""From keysyms to key strokes on a keyboard of our own, whose map we make: any character has a key.

Why it exists: a viewer says which character or key was meant. Wayland lets a program bring a keyboard with its own map,
so nobody's layout matters: keys of a common keyboard stand at their usual places (programs that look at places,
not at characters, understand them too), every other character is given one of the free places when it is first typed.

Rules: no input or output. A plan is a list of steps that somebody else performs in order; programs are told of a new
map before the key that needs it, in order, so no step waits. Modifiers are told as a mask beside the keys (the
compositor does not derive them). Places are Linux's evdev codes; xkb's key codes are 8 higher and end at 255.
"""

from collections import OrderedDict
from typing import NamedTuple

from farhand.agent.platforms.linux.keysyms import LEVEL3_KEYSYM, MAX_KEYSYM, UNICODE

SHIFT, CONTROL, ALT, NUMBERS, SUPER, LEVEL3 = 1, 4, 8, 16, 64, 128
"""Real modifiers as xkb numbers them: Shift, Control, Mod1, Mod2, Mod4, Mod5."""
_MODIFIERS = {
    0xFFE1: SHIFT,
    0xFFE2: SHIFT,
    0xFFE3: CONTROL,
    0xFFE4: CONTROL,
    0xFFE7: ALT,
    0xFFE8: ALT,
    0xFFE9: ALT,
    0xFFEA: ALT,
    0xFFEB: SUPER,
    0xFFEC: SUPER,
    LEVEL3_KEYSYM: LEVEL3,
}
_ROWS = {2: ("1234567890-=", "!@#$%^&*()_+"), 16: ("qwertyuiop[]", "QWERTYUIOP{}")}
_ROWS |= {30: ("asdfghjkl;'`", 'ASDFGHJKL:"~'), 43: ("\\zxcvbnm,./", "|ZXCVBNM<>?"), 57: (" ", " ")}
_NAMED = {1: 0xFF1B, 14: 0xFF08, 15: 0xFF09, 28: 0xFF0D, 29: 0xFFE3, 42: 0xFFE1, 54: 0xFFE2, 56: 0xFFE9, 58: 0xFFE5}
_NAMED |= {59 + n: 0xFFBE + n for n in range(10)} | {87: 0xFFC8, 88: 0xFFC9}  # F1 to F12
_NAMED |= {183 + n: 0xFFCA + n for n in range(12)}  # F13 to F24
_NAMED |= {97: 0xFFE4, 100: LEVEL3_KEYSYM, 125: 0xFFEB, 126: 0xFFEC, 127: 0xFF67, 99: 0xFF61, 70: 0xFF14, 119: 0xFF13}
_NAMED |= {102: 0xFF50, 103: 0xFF52, 104: 0xFF55, 105: 0xFF51, 106: 0xFF53, 107: 0xFF57, 108: 0xFF54, 109: 0xFF56}
_NAMED |= {110: 0xFF63, 111: 0xFFFF, 69: 0xFF7F, 96: 0xFF8D, 98: 0xFFAF, 55: 0xFFAA, 74: 0xFFAD, 78: 0xFFAB}
_PAD = {71: (0xFF95, 7), 72: (0xFF97, 8), 73: (0xFF9A, 9), 75: (0xFF96, 4), 76: (0xFF9D, 5), 77: (0xFF98, 6)}
_PAD |= {79: (0xFF9C, 1), 80: (0xFF99, 2), 81: (0xFF9B, 3), 82: (0xFF9E, 0)}
_KP_0, _KP_DELETE, _KP_DECIMAL, _ISO_LEFT_TAB = 0xFFB0, 0xFF9F, 0xFFAE, 0xFE20
_LAST = 247


class Stroke(NamedTuple):
    """One step: press or release of a key, after telling the map and the modifiers where they are others now."""

    mask: int
    key: int
    down: bool
    keymap: bool = False
    """Tell `Keyboard.text()` first."""


class _Place(NamedTuple):
    key: int
    mask: int


def _common() -> dict[int, list[int]]:
    rows = {key: [keysym] for key, keysym in _NAMED.items()}
    rows[15].append(_ISO_LEFT_TAB)
    for first, (plain, shifted) in _ROWS.items():
        rows |= {first + n: [ord(one), ord(two)] for n, (one, two) in enumerate(zip(plain, shifted, strict=True))}
    rows |= {key: [keysym, _KP_0 + digit] for key, (keysym, digit) in _PAD.items()}
    rows[83] = [_KP_DELETE, _KP_DECIMAL]
    return rows


class Keyboard:
    """The map, and which keys we hold."""

    def __init__(self) -> None:
        self._rows = _common()
        self._places: dict[int, _Place] = {}
        for key, row in self._rows.items():
            pad = key in _PAD or key == 83
            for level, keysym in enumerate(row):
                self._places.setdefault(keysym, _Place(key, (NUMBERS if pad else SHIFT) if level else 0))
        self._free = [key for key in range(_LAST, 127, -1) if key not in self._rows]
        self._lent: OrderedDict[int, int] = OrderedDict()
        self._held: dict[int, _Place] = {}

    def press(self, keysym: int) -> list[Stroke]:
        """Plan for pressing `keysym`. Empty when it is held (programs repeat by themselves) or no key is left."""
        if keysym in self._held or not 0 < keysym <= MAX_KEYSYM:
            return []
        place, fresh = self._places.get(keysym), False
        if place is None:
            key = self._lent.get(keysym)
            if key is None:
                key, fresh = self._lend(keysym), True
            if key is None:
                return []
            self._lent.move_to_end(keysym)
            place = _Place(key, 0)
        strokes = []
        if any(held.key == place.key for held in self._held.values()):
            strokes.append(Stroke(self._modifiers(), place.key, False))
        self._held[keysym] = place
        mask = self._modifiers()
        if _printable(keysym):
            mask = mask & ~(SHIFT | LEVEL3 | NUMBERS) | place.mask
        strokes.append(Stroke(mask | place.mask, place.key, True, fresh))
        return strokes

    def release(self, keysym: int) -> list[Stroke]:
        """Plan for letting go of `keysym`."""
        place = self._held.pop(keysym, None)
        if place is None or any(held.key == place.key for held in self._held.values()):
            return []
        return [Stroke(self._modifiers(), place.key, False)]

    def release_all(self) -> list[Stroke]:
        """Plan for letting go of everything, the latest first."""
        return [stroke for keysym in reversed(list(self._held)) for stroke in self.release(keysym)]

    def text(self) -> str:
        """Return the map in xkb's text form, version 1."""
        keys = {**self._rows, **{key: [keysym] for keysym, key in self._lent.items()}}
        codes = " ".join(f"<K{key}>={key + 8};" for key in sorted(keys))
        symbols = []
        for key, row in sorted(keys.items()):
            pad = key in _PAD or key == 83
            kind = "KEYPAD" if pad else "TWO_LEVEL" if len(row) > 1 else "ONE_LEVEL"
            symbols.append(f'key <K{key}>{{type="{kind}",[{",".join(map(_name, row))}]}};')
        for name, keysyms in (
            ("Shift", (0xFFE1, 0xFFE2)),
            ("Control", (0xFFE3, 0xFFE4)),
            ("Mod1", (0xFFE9,)),
            ("Mod2", (0xFF7F,)),
            ("Mod4", (0xFFEB, 0xFFEC)),
            ("Mod5", (LEVEL3_KEYSYM,)),
        ):
            held = ",".join(f"<K{self._places[keysym].key}>" for keysym in keysyms)
            symbols.append(f"modifier_map {name}{{{held}}};")
        return (
            f"xkb_keymap{{xkb_keycodes{{minimum=8;maximum=255;{codes}}};"
            'xkb_types{include "complete"};xkb_compatibility{include "complete"};'
            f"xkb_symbols{{{''.join(symbols)}}};}};"
        )

    def _lend(self, keysym: int) -> int | None:
        if self._free:
            key = self._free.pop(0)
        else:
            taken = {place.key for place in self._held.values()}
            oldest = next((old for old, at in self._lent.items() if at not in taken), None)
            if oldest is None:
                return None
            key = self._lent.pop(oldest)
        self._lent[keysym] = key
        return key

    def _modifiers(self) -> int:
        mask = 0
        for keysym in self._held:
            mask |= _MODIFIERS.get(keysym, 0)
        return mask


def _name(keysym: int) -> str:
    """As xkb reads it: characters by code point, everything else by number."""
    return f"U{keysym - UNICODE:04X}" if keysym > UNICODE else f"0x{keysym:x}"


def _printable(keysym: int) -> bool:
    return keysym < 0xFD00 or keysym >= UNICODE or _KP_0 <= keysym <= _KP_0 + 9
