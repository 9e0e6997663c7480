"""What a session's journal says has begun and not ended, and how its end is told when nobody is left to tell it.

Why it exists: an endpoint tells of the end of what it began. When the session ends, or another program of the endpoint
takes its leg (the older one was killed, its machine restarted), what still ran ended with it, and no word of that comes
any more. A log that counts what is open would never be true again.

Rules: known from the journal alone, so it is the same after a restart of the relay. An endpoint's fields are hostile:
what is remembered is bounded, and a value of another type begins nothing.
"""

from typing import Final, Literal, NamedTuple

from farhand.protocol.messages import Entry

MOST: Final = 64
"""Of each kind. An honest endpoint has a quarter of it at most."""
Reason = Literal["session-ended", "lost"]
"""`lost`: the endpoint's program has gone without a word."""


class _Span(NamedTuple):
    begins: str
    ends: str
    key: str
    """Field of `data` that says which one."""
    kept: tuple[str, ...]
    """Fields that its end has too."""
    counted: bool = False
    """Its end says in `open` how many are left."""


_SPANS: Final = (
    _Span("script-started", "script-ended", "run", ("by", "leg", "run", "script", "name")),
    _Span("shell-opened", "shell-closed", "shell", ("by", "leg", "shell"), counted=True),
)
_BY_KIND: Final = {kind: span for span in _SPANS for kind in (span.begins, span.ends)}


class Ended(NamedTuple):
    """One end, to be put on record."""

    kind: str
    data: dict[str, str | int | bool]


class Unended:
    """Follows a journal, entry by entry."""

    def __init__(self) -> None:
        self._running: dict[str, dict[str | int, Entry]] = {span.ends: {} for span in _SPANS}
        """Kind of the end -> key -> the entry that began it, oldest first."""

    def take(self, entry: Entry) -> None:
        """An entry of the journal. The same one again changes nothing."""
        span = _BY_KIND.get(entry.kind)
        if span is None:
            return
        running, key = self._running[span.ends], entry.data.get(span.key)
        if not isinstance(key, str | int):
            return
        if entry.kind == span.ends:
            running.pop(key, None)
        elif key in running or len(running) < MOST:
            running[key] = entry

    def ends(self, reason: Reason) -> list[Ended]:
        """Return the ends of all that runs. They count as told when they come back by `take`."""
        out: list[Ended] = []
        for span in _SPANS:
            running = self._running[span.ends]
            for left, entry in zip(range(len(running) - 1, -1, -1), running.values(), strict=True):
                data = {name: entry.data[name] for name in span.kept if name in entry.data} | {"reason": reason}
                out.append(Ended(span.ends, data | ({"open": left} if span.counted else {})))
        return out
