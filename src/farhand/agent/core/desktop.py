"""What a tool may ask of a desktop, whatever display system it runs on: X11, wlroots, GNOME, a portal.

Why it exists: tools and platforms meet here and nowhere else. A tool is written once against these protocols; a
platform fills them for each kind of desktop that it knows, and says what a kind cannot do.

Rules: a desktop is opened in the event loop (`Platform.desktop`), where a dialog may keep it waiting and cancelling
takes it back. Everything else here may block for a moment and is called by a tool's own thread; a screen, an input and
a clipboard are each used by one thread. Every failure surfaces as DesktopError with a sentence for people. Nothing
here loads a library: an idle agent has imported this module.
"""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from farhand.agent.core.masking import Mask, Windows
from farhand.protocol.messages import Abilities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint32]
    """Height x width, one BGRX pixel in each element."""

Rect = tuple[int, int, int, int]
"""x, y, width, height in pixels."""
DesktopKind = Literal["x11", "wlroots", "gnome", "portal"]
Reason = Literal["no-display", "unsupported", "refused", "error"]


class DesktopError(Exception):
    """The desktop cannot be opened, or is gone. `reason` is one of those of `Stopped`; the message is for people."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class UnsupportedError(DesktopError):
    """This kind of desktop cannot do that; the sentence says why and, where there is a way, what to do."""

    def __init__(self, text: str) -> None:
        super().__init__("unsupported", text)


class NotThereError(Exception):
    """A clipboard does not hold, or not take, what was asked; the sentence is for people. The clipboard stays open."""

    def __init__(self, text: str, *, too_long: bool = False) -> None:
        super().__init__(text)
        self.too_long = too_long


@dataclass(frozen=True, slots=True)
class Content:
    """What a clipboard holds in one format (`protocol.clipboard`)."""

    format: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor. Positions and sizes are pixels of the desktop's whole picture, as `InputSink.pointer` takes them."""

    id: str
    """Stays the same while the monitor is there, and when it comes back."""
    name: str
    """For people."""
    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0
    """Pixels for one unit of length of its programs."""
    primary: bool = False


@dataclass(slots=True)
class Changes:
    """What happened to a screen since the last look."""

    damage: bool = False
    cursor: bool = False
    pointer: bool = False
    """It may have moved; told only while it is followed."""
    resized: bool = False
    """What is captured has another size or place: close the screen and open it again."""
    monitors: bool = False
    """Monitors may have come, gone, moved or changed their size: ask `Desktop.monitors` again."""


class ScreenSource(Protocol):
    """An open screen: a picture, what changed in it, and the pointer's shape."""

    width: int
    height: int

    def fileno(self) -> int:
        """Descriptor that becomes readable when something happened."""
        ...

    def poll(self) -> Changes:
        """Say what happened since the last call, without waiting."""
        ...

    def news(self) -> bool:
        """Say whether `poll` has something to tell. To be asked before every wait for `fileno`: what came along with
        the answer to a `take` or `grab` is no longer in the descriptor, and nothing more may follow it.
        """
        ...

    def take(self) -> list[Rect]:
        """Return what was damaged, and count it as taken."""
        ...

    def grab(self, rect: Rect) -> "Pixels":
        """Capture a rectangle inside the screen; valid until the next grab."""
        ...

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        """Return hot spot x and y, width, height and premultiplied ARGB words of the pointer's shape now."""
        ...

    def follow(self, on: bool) -> None:
        """Tell of the pointer's moves in `Changes.pointer` from now on, or no more: each move wakes whoever waits."""
        ...

    def pointer(self) -> tuple[int, int] | None:
        """Return where the pointer's hot spot is, in pixels of this picture; None when that is outside or not known."""
        ...

    def frozen(self) -> AbstractContextManager[None]:
        """Nothing moves on the display inside: what `places` says fits what `grab` captures."""
        ...

    def places(self, windows: Iterable[Windows]) -> list[Rect] | None:
        """Return where the programs of these windows show something now, in pixels of this picture; None when all the
        windows are gone."""
        ...

    def close(self) -> None:
        """Let go of the display."""
        ...


class InputSink(Protocol):
    """An open keyboard and pointer."""

    def key(self, keysym: int, down: bool) -> None:
        """Press or release a key or character (an X keysym, as on the input channel)."""
        ...

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move, and make the held buttons those of the mask (bits: left, middle, right, back, forward)."""
        ...

    def wheel(self, dx: int, dy: int) -> None:
        """Turn by clicks; positive is right and down."""
        ...

    def focus(self) -> Windows | None:
        """Return which windows have the keyboard now; none at all: typing reaches nobody; None: it is not known."""
        ...

    def release(self) -> None:
        """Let go of every key and button."""
        ...

    def rest(self) -> bool:
        """Undo what was lent from the keyboard, as far as nobody needs it now; True when nothing is left to undo."""
        ...

    def close(self) -> None:
        """Let go of everything and of the display."""
        ...


class Clipboard(Protocol):
    """An open clipboard. Formats are those of `protocol.clipboard`."""

    def fileno(self) -> int:
        """Descriptor that becomes readable when something happened."""
        ...

    def changed(self) -> bool:
        """Say whether somebody else has put something in since the last call, without waiting. To be asked before
        every wait for `fileno`: what was put in is served meanwhile."""
        ...

    def formats(self) -> list[str]:
        """Return in which formats it can be read, the preferred one first; none when it is empty."""
        ...

    def read(self, name: str, most: int) -> bytes:
        """Return its content in one format. Raises NotThereError when it has none, or more than `most` bytes."""
        ...

    def write(self, content: Content) -> None:
        """Put content in. Raises NotThereError when it does not take it."""
        ...

    def close(self) -> None:
        """Let go of it; what was written may go with it."""
        ...


@dataclass(frozen=True, slots=True)
class Sign:
    """What the person who sits there reads while mouse and keyboard are blocked."""

    title: str
    text: str


BlockEnded = Callable[[Literal["person", "failed"], str], None]
"""Told when a block ends by itself: the person took mouse and keyboard back by Ctrl-Alt-Del, or it failed, and why."""


class InputBlock(Protocol):
    """Mouse and keyboard of whoever sits there do nothing. It ends with the program that holds it, however that ends,
    and when the person presses Ctrl-Alt-Del."""

    def close(self) -> None:
        """Give them back at once. Called in the event loop."""
        ...


class Watch(Protocol):
    """Something that is followed until it is closed."""

    def close(self) -> None:
        """Follow it no more. Called in the event loop: does not wait."""
        ...


class Desktop(Protocol):
    """An open desktop. Several tools of one session share it."""

    @property
    def kind(self) -> DesktopKind:
        """The display system."""
        ...

    def abilities(self) -> Abilities:
        """Say what can be done here, and why not what cannot."""
        ...

    def alive(self) -> bool:
        """False when it is gone, or has let go of its session because nothing of it is open any more: it is to be
        closed, and the platform asked for another."""
        ...

    def monitors(self) -> list[Monitor]:
        """Return the monitors that are there now, the primary one first; at least one."""
        ...

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        """Open the monitor with this id, or all of them as one picture."""
        ...

    def open_input(self) -> InputSink:
        """Open keyboard and pointer."""
        ...

    def open_clipboard(self) -> Clipboard:
        """Open the clipboard."""
        ...

    def watch_fields(self, told: Callable[[Mask], None]) -> Watch:
        """Follow where programs show password fields. `told` hears, from a thread, what hides those: first as soon as
        it is known, then whenever it changes. Only where `abilities` has `hide_passwords`; does not wait.
        """
        ...

    async def block_input(self, sign: Sign, ended: BlockEnded) -> InputBlock:
        """Take mouse and keyboard away from whoever sits there, and show the sign there meanwhile.

        Called in the event loop, as `ended` is then, at most once. Raises DesktopError.
        """
        ...

    def close(self) -> None:
        """Let go of it. What was opened from it is closed before. Called in the event loop: does not wait."""
        ...


OpenDesktop = Callable[[], Coroutine[None, None, Desktop | None]]
"""Opens the desktop of this machine, None when there is none now. Raises DesktopError. May be cancelled."""
