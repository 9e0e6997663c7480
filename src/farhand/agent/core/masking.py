"""What of the screen must not be recorded: where a secret text was typed, and windows that show a password field.

Why it exists: the tool that types and the tool that shows the screen know nothing of each other, and what is typed must
be hidden from the recorder before the first of it can be seen. They meet here.
One for all sessions of a program: what one session typed, no other one records.

Rules: while a secret is being typed the recorder sees nothing at all; afterwards the windows that had the keyboard stay
black in its picture as long as they exist. What cannot be told (a desktop that does not say which window has the
keyboard) hides everything from then on. Nothing is ever unhidden because somebody asked for it. What watchers of the
desktop say is hidden as long as they say it. Runs in the event loop's thread.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

Window = int
"""A window's number on its display."""
Windows = tuple[Window, ...]
"""The window that has the keyboard, and those that it lies in, up to the one on the desktop itself."""
MOST = 64
"""Windows that are remembered one by one; what comes after that hides everything."""


@dataclass(frozen=True, slots=True)
class Mask:
    """What is hidden from the recorder."""

    everything: bool = False
    windows: frozenset[Windows] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.windows)


Screen = Callable[[Mask], "asyncio.Future[None]"]
"""Hides what the mask says; the future is done when nothing else is recorded any more."""


class Typing:
    """A secret that is being typed. `touched` is told, from any thread, which windows have the keyboard."""

    def __init__(self) -> None:
        self.windows: set[Windows] = set()
        self.unknown = False

    def touched(self, windows: Windows | None) -> None:
        """These windows have the keyboard now; None: it is not known which."""
        if windows is None:
            self.unknown = True
        elif windows:
            self.windows.add(windows)


class Masking:
    """The mask of a machine's screen."""

    def __init__(self) -> None:
        self._typing = 0
        self._unknown = False
        self._windows: frozenset[Windows] = frozenset()
        self._watched: dict[object, Mask] = {}
        self._screens: list[Screen] = []

    def add(self, screen: Screen) -> None:
        """The screen may be recorded by this one from now on, which asks for `mask` when it begins."""
        self._screens.append(screen)

    def remove(self, screen: Screen) -> None:
        """It records no more."""
        self._screens.remove(screen)

    @property
    def mask(self) -> Mask:
        """What is hidden now."""
        everything = self._unknown or bool(self._typing) or any(one.everything for one in self._watched.values())
        return Mask(everything, self._windows.union(*(one.windows for one in self._watched.values())))

    def watched(self, watcher: object, mask: Mask | None) -> None:
        """A watcher says that this is to be hidden now; None: it watches no more."""
        before = self.mask
        self._watched.pop(watcher, None)
        if mask:
            self._watched[watcher] = mask
        if self.mask != before:
            self._apply()

    @contextlib.asynccontextmanager
    async def secret(self) -> AsyncIterator[Typing]:
        """Type a secret inside: everything is hidden from the recorder by then. What was touched stays hidden."""
        typing = Typing()
        self._typing += 1
        try:
            await asyncio.gather(*self._apply())
            yield typing
        finally:
            self._typing -= 1
            self._windows |= typing.windows
            self._unknown |= typing.unknown or len(self._windows) > MOST
            # Not waited for: more is shown later than it might, never less hidden.
            self._apply()

    def _apply(self) -> list["asyncio.Future[None]"]:
        return [screen(self.mask) for screen in self._screens]
