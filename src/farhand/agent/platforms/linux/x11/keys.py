"""From keysyms to key strokes: which keys to press here, with which modifiers, so that the character appears.

Why it exists: a viewer says which character or key was meant; the keyboard map here is another one than the viewer's.
Rules: no input or output. A plan is a list of steps that somebody else performs in order. Keysyms are X11's; letters
beyond Latin-1 are 0x01000000 + code point (X11 protocol, appendix A).
"""

import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from farhand.agent.platforms.linux.keysyms import LEVEL3_KEYSYM, MAX_KEYSYM, UNICODE

SHIFT_KEYSYMS = (0xFFE1, 0xFFE2)
SHIFT_MASK = 1
LOCK_MASK = 2
_SPARES_KEPT = 24


class Do(Enum):
    """What a step does."""

    DOWN = "down"
    UP = "up"
    MAP = "map"
    """Give the key this keysym (0 = none) on every level."""
    WAIT = "wait"
    """Let programs catch up: a key that they may still be reading gets another meaning next."""


class Step(NamedTuple):
    """One step of a plan."""

    do: Do
    key: int = 0
    keysym: int = 0


class Place(NamedTuple):
    """Where a keysym is: its key, and the level (bit 0 Shift, bit 1 AltGr)."""

    key: int
    level: int


@dataclass
class KeyMap:
    """The keyboard as the server describes it (core protocol, GetKeyboardMapping and GetModifierMapping)."""

    first: int
    """Lowest key code."""
    rows: list[list[int]]
    """Keysyms of each key: the first group's first two levels, two of a second group, then levels three and four."""
    modifiers: list[list[int]] = field(default_factory=list)
    """Key codes of each of the eight modifiers."""

    def __post_init__(self) -> None:
        self.places: dict[int, Place] = {}
        for level, column in ((0, 0), (1, 1), (2, 4), (3, 5)):
            for number, row in enumerate(self.rows):
                if column < len(row) and row[column]:
                    self.places.setdefault(row[column], Place(self.first + number, level))
        self.spares = [self.first + number for number, row in enumerate(self.rows) if not any(row)]
        level3 = self.places.get(LEVEL3_KEYSYM)
        keys = [level3.key] if level3 else []
        self.level3_mask = sum(1 << bit for bit, held in enumerate(self.modifiers) if set(held) & set(keys))

    def letter(self, key: int) -> bool:
        """Say whether Caps Lock acts on this key."""
        row = self.rows[key - self.first] if 0 <= key - self.first < len(self.rows) else []
        return len(row) > 1 and row[0] != row[1] and upper(row[0]) == row[1]


def character(keysym: int) -> str | None:
    """Return the character of a Latin-1 or Unicode keysym, None for others."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if UNICODE + 0x100 <= keysym <= MAX_KEYSYM and not 0xD800 <= keysym - UNICODE <= 0xDFFF:
        return chr(keysym - UNICODE)
    return None


def keysym_of(text: str) -> int:
    """Return the keysym of one character."""
    code = ord(text)
    return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else UNICODE + code


def upper(keysym: int) -> int:
    """Return the upper-case keysym of a letter, else the same."""
    letter = character(keysym)
    if letter is None or unicodedata.category(letter) != "Ll" or len(letter.upper()) != 1:
        return keysym
    return keysym_of(letter.upper())


class Keyboard:
    """Keys that we hold, and spare keys that we gave a meaning."""

    def __init__(self, keymap: KeyMap) -> None:
        self.keymap = keymap
        self._held: dict[int, int] = {}
        self._lent: OrderedDict[int, int] = OrderedDict()

    @property
    def lent(self) -> bool:
        """Spare keys carry meanings of ours."""
        return bool(self._lent)

    @property
    def lent_keys(self) -> Iterable[int]:
        """The spare keys that carry meanings of ours."""
        return self._lent.values()

    def press(self, keysym: int, state: int) -> list[Step]:
        """Plan for pressing `keysym` while the server's modifier state is `state`.

        Empty when it is held already (the server repeats by itself), unknown, or no key is left for it.
        """
        if keysym in self._held or not 0 < keysym <= MAX_KEYSYM:
            return []
        steps: list[Step] = []
        place = self.keymap.places.get(keysym)
        around: list[Step] = []
        if place is None:
            key = self._lend(keysym, steps)
            if key is None:
                return []
        else:
            key = place.key
            if _printable(keysym):
                around = self._modifiers(place, state)
        if key in self._held.values():
            steps.append(Step(Do.UP, key))
        steps += [*around, Step(Do.DOWN, key)]
        steps += [Step(Do.UP if step.do is Do.DOWN else Do.DOWN, step.key) for step in reversed(around)]
        self._held[keysym] = key
        return steps

    def release(self, keysym: int) -> list[Step]:
        """Plan for letting go of `keysym`."""
        key = self._held.pop(keysym, None)
        if key is None or key in self._held.values():
            return []
        return [Step(Do.UP, key)]

    def release_all(self) -> list[Step]:
        """Plan for letting go of everything, the latest first."""
        keys = list(dict.fromkeys(reversed(self._held.values())))
        self._held.clear()
        return [Step(Do.UP, key) for key in keys]

    def give_back(self) -> list[Step]:
        """Plan for taking our meanings off the spare keys that are not held."""
        done = {keysym: key for keysym, key in self._lent.items() if key not in self._held.values()}
        for keysym in done:
            del self._lent[keysym]
        return [Step(Do.MAP, key, 0) for key in done.values()]

    def learn(self, keymap: KeyMap) -> None:
        """The keyboard's map has changed."""
        self.keymap = keymap
        self._lent = OrderedDict(
            (keysym, key)
            for keysym, key in self._lent.items()
            if keysym in keymap.places and keymap.places[keysym].key == key
        )

    def _lend(self, keysym: int, steps: list[Step]) -> int | None:
        key = self._lent.get(keysym)
        if key is not None:
            self._lent.move_to_end(keysym)
            return key
        taken = set(self._lent.values())
        free = [spare for spare in self.keymap.spares if spare not in taken]
        if free and len(taken) < _SPARES_KEPT:
            key = free[-1]
        else:
            oldest = next((old for old, at in self._lent.items() if at not in self._held.values()), None)
            if oldest is None:
                return None
            key = self._lent.pop(oldest)
            steps.append(Step(Do.WAIT))
        self._lent[keysym] = key
        steps.append(Step(Do.MAP, key, keysym))
        return key

    def _modifiers(self, place: Place, state: int) -> list[Step]:
        shift, level3 = bool(place.level & 1), bool(place.level & 2)
        if state & LOCK_MASK and not level3 and self.keymap.letter(place.key):
            shift = not shift
        steps: list[Step] = []
        wanted = ((shift, SHIFT_MASK, SHIFT_KEYSYMS), (level3, self.keymap.level3_mask, (LEVEL3_KEYSYM,)))
        for want, mask, keysyms in wanted:
            have = bool(state & mask)
            if want and not have:
                known = [self.keymap.places[keysym].key for keysym in keysyms if keysym in self.keymap.places]
                steps += [Step(Do.DOWN, key) for key in known[:1]]
            elif have and not want:
                # Only what we hold can be let go; a modifier that somebody presses there stays.
                steps += [Step(Do.UP, self._held[keysym]) for keysym in keysyms if keysym in self._held]
        return steps


def _printable(keysym: int) -> bool:
    return keysym < 0xFE00 or keysym >= UNICODE
