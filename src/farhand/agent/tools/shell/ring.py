"""The last output of a shell, addressed by its offset from the first byte ever written.

What leaves the ring is lost for who comes later, except the modes that it switched: a full-screen program that was
started long ago must still be drawn on its own screen. So the ring begins at a line's beginning where it can, and knows
the modes in force there.
"""

import re

RING_SIZE = 1 << 20
"""Bytes that are kept."""
_LINE_SEARCH = 4096
"""The ring begins at a line's beginning if there is one within so many bytes."""
_TAIL = 40
"""Longest control sequence that is looked for over a cut, in bytes."""

_SWITCH = re.compile(rb"\x1b(?:\[\?([0-9;]{1,32})([hl])|\[(!)p|([c=>]))")
_ALTERNATE = frozenset({47, 1047, 1049})
_MODES = frozenset({1, 5, 6, 7, 9, 25, 45, 1000, 1002, 1003, 1004, 1006, 1015, 1016, 2004}) | _ALTERNATE
"""Private modes (DECSET) that are remembered; the others are settled anew by whoever uses them."""
_SET_AT_FIRST = frozenset({7, 25})
"""Wrapping and the cursor are on in a terminal that was just made."""


class Modes:
    """Which modes a terminal is in after the bytes that were taken. Understands what full-screen programs switch."""

    def __init__(self) -> None:
        self._on: dict[int, bool] = {}
        self._keypad = False
        self._tail = b""

    def take(self, data: bytes) -> None:
        """Read output."""
        if not self._tail and b"\x1b" not in data:
            return
        data = self._tail + data
        end = 0
        for found in _SWITCH.finditer(data):
            end = found.end()
            numbers, letter, soft, single = found.groups()
            if numbers is not None:
                for number in numbers.split(b";"):
                    if number and int(number) in _MODES:
                        self._on[int(number)] = letter == b"h"
            elif soft or single == b"c":
                # RIS forgets everything; DECSTR leaves the screen and the mouse alone.
                self._on = {} if single else {mode: on for mode, on in self._on.items() if mode > 45}
                self._keypad = False
            else:
                self._keypad = single == b"="
        begin = data.rfind(b"\x1b", max(end, len(data) - _TAIL))
        self._tail = data[begin:] if begin >= 0 else b""

    @property
    def text(self) -> str:
        """The control sequences that bring a fresh terminal into these modes."""
        changed = [mode for mode, on in sorted(self._on.items()) if on != (mode in _SET_AT_FIRST)]
        # The alternate screen first: it saves the cursor of the screen that was there before.
        changed.sort(key=lambda mode: mode not in _ALTERNATE)
        switched = "".join(f"\x1b[?{mode}{'h' if self._on[mode] else 'l'}" for mode in changed)
        return switched + ("\x1b=" if self._keypad else "")


class Ring:
    """Keeps the last `size` bytes, and up to a quarter more. Offsets count from 0 at the shell's start and never wrap
    (u64 on the wire)."""

    def __init__(self, size: int = RING_SIZE) -> None:
        self.size = size
        """Bytes that are kept for certain."""
        self._data = bytearray()
        self._start = 0
        self._modes = Modes()

    @property
    def start(self) -> int:
        """Offset of the oldest byte that is still here."""
        return self._start

    @property
    def end(self) -> int:
        """Offset behind the newest byte."""
        return self._start + len(self._data)

    @property
    def modes(self) -> str:
        """Control sequences that bring a fresh terminal into the modes that were in force at `start`."""
        return self._modes.text

    def append(self, data: bytes) -> None:
        """Add output."""
        self._data += data
        # Cut rarely and much: deleting the head of a bytearray for every read would be felt.
        if len(self._data) > self.size + self.size // 4:
            drop = len(self._data) - self.size
            line = self._data.find(b"\n", drop - 1, drop + min(_LINE_SEARCH, self.size // 4))
            drop = line + 1 if line >= 0 else drop
            self._modes.take(bytes(self._data[:drop]))
            del self._data[:drop]
            self._start += drop

    def read(self, offset: int, limit: int) -> tuple[int, bytes]:
        """Return up to `limit` bytes from `offset` on, and the offset at which they really begin (later if cut)."""
        offset = min(max(offset, self._start), self.end)
        first = offset - self._start
        return offset, bytes(self._data[first : first + limit])
