"""Ctrl-Alt-Del on a real keyboard, found in what its keys tell.

Why it exists: it gives a person their mouse and keyboard back, so it must be heard on any keyboard. It is known by the
keyboard's map as it was before, and by the places of the keys on a PC's keyboard as well: whoever changes the map takes
nothing away. No input or output.
"""

from collections.abc import Iterable

CONTROL = frozenset((0xFFE3, 0xFFE4))
"""Keysyms: left, right."""
ALT = frozenset((0xFFE7, 0xFFE8, 0xFFE9, 0xFFEA, 0xFE03))
"""Keysyms: Meta and Alt, left and right; AltGr."""
DELETE = frozenset((0xFFFF, 0xFF9F))
"""Keysyms: Delete, that of the keypad."""
_PLACES = ((37, 105), (64, 108), (119, 91))
"""Key codes of evdev's keyboards: Control, Alt, Delete."""
_CONTROL_MASK, _ALT_MASK = 4, 8
"""Control and Mod1 of an event's modifiers."""


class Chord:
    """The keys that are held. `rows` are the keysyms of each key, from the lowest key code on."""

    def __init__(self, first: int, rows: Iterable[Iterable[int]]) -> None:
        self._keys = [set(places) for places in _PLACES]
        for key, row in enumerate(rows, first):
            for keys, keysyms in zip(self._keys, (CONTROL, ALT, DELETE), strict=True):
                if keysyms.intersection(row):
                    keys.add(key)
        self._held: set[tuple[int, int]] = set()

    def pressed(self, device: int, key: int, modifiers: int = 0) -> bool:
        """Say whether Ctrl-Alt-Del is complete with this key. `modifiers`: those that the device says are held."""
        self._held.add((device, key))
        control, alt, delete = self._keys
        held = {one for _device, one in self._held}
        return bool(
            held & delete and (held & control or modifiers & _CONTROL_MASK) and (held & alt or modifiers & _ALT_MASK)
        )

    def released(self, device: int, key: int) -> None:
        """This key was let go."""
        self._held.discard((device, key))
