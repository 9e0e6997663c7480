"""Entries for the session's journal on their way: repeated with the same id until the relay says that they are kept.

Why it exists: a socket may be lost between an entry and its acknowledgement. Notes (`note`) never fail: they tell of
what has happened, and nothing can be undone. Acts that must be on record first wait for it (`recorded`).

Rules: no socket here, only `send`. What waits is bounded; notes over the bound are dropped, and as soon as there is
room the journal is told how many, once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from farhand.agent.core.tools import NotRecordedError
from farhand.agent.texts import _
from farhand.kit.ids import new_id
from farhand.protocol.channels import Durable, Kind, channel
from farhand.protocol.messages import Entry, Post, PostRefused

MAX_PENDING = 500
POST_AGAIN_S = 5.0
_LATER = frozenset({"not-stored", "busy"})
"""Refusals that do not last."""

Send = Callable[[int, int, bytes], None]
"""Frame type, channel, payload; dropped when the socket is away."""
Data = dict[str, str | int | bool]


@dataclass(slots=True)
class _Pending:
    kind: Kind
    post: Post
    answer: asyncio.Future[int] | None = None


class Posts:
    """What one session still has to get into its journal."""

    def __init__(self, send: Send, warn: Callable[..., object]) -> None:
        self._send = send
        self._warn = warn
        self._pending: dict[str, _Pending] = {}
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    # --- for whoever has something to say ---

    def note(self, kind: str, text: str, data: Data) -> None:
        """Note what has happened. Never raises."""
        if len(self._pending) >= MAX_PENDING:
            if not self._dropped:
                self._warn("entries_dropped", first=kind)
            self._dropped += 1
            return
        self._add(Kind.SYSTEM, kind, text, data)

    def chat(self, text: str) -> None:
        """Say something. Raises NotRecordedError when too much waits."""
        self._check_room()
        self._add(Kind.CHAT, "chat", text, {})

    async def recorded(self, kind: str, text: str, data: Data) -> int:
        """Return the entry's number as soon as it is kept. Raises NotRecordedError."""
        self._check_room()
        pending = self._add(Kind.SYSTEM, kind, text, data, asyncio.get_running_loop().create_future())
        assert pending.answer is not None
        try:
            return await pending.answer
        finally:
            self._pending.pop(pending.post.id, None)

    def end(self) -> None:
        """The session is over: whoever waits is told so."""
        for pending in self._pending.values():
            _answer(pending, NotRecordedError("ended", _("The session has ended.")))

    # --- for the session ---

    def again(self) -> None:
        """The socket is back: say everything again that was not acknowledged."""
        for post_id in list(self._pending):
            self._send_one(post_id)

    def kept(self, entry: Entry) -> bool:
        """An entry came back; say whether it was one of ours."""
        pending = self._pending.pop(entry.id, None)
        if pending is None:
            return False
        _answer(pending, entry.seq)
        self._tell_dropped()
        return True

    def refused(self, refused: PostRefused) -> None:
        """The relay did not keep it: later again when the disk was full or many came at once, never again else."""
        self._warn("post_refused", code=refused.code, reason=refused.text)
        if refused.code in _LATER:
            asyncio.get_running_loop().call_later(POST_AGAIN_S, self._send_one, refused.id)
            return
        pending = self._pending.pop(refused.id, None)
        if pending is not None:
            _answer(pending, NotRecordedError(refused.code, refused.text))
            self._tell_dropped()

    # --- inside ---

    def _check_room(self) -> None:
        if len(self._pending) >= MAX_PENDING:
            raise NotRecordedError("full", _("Too much waits to be sent: the connection is away."))

    def _add(self, kind: Kind, name: str, text: str, data: Data, answer: asyncio.Future[int] | None = None) -> _Pending:
        post = Post(id=new_id(), kind=name, text=text[:4096], data=dict(data))
        pending = self._pending[post.id] = _Pending(kind, post, answer)
        self._send_one(post.id)
        return pending

    def _send_one(self, post_id: str) -> None:
        pending = self._pending.get(post_id)
        if pending is not None:
            self._send(Durable.POST, channel(pending.kind), msgspec.json.encode(pending.post))

    def _tell_dropped(self) -> None:
        if self._dropped and len(self._pending) < MAX_PENDING:
            count, self._dropped = self._dropped, 0
            self.note("entries-dropped", "", {"count": count})


def _answer(pending: _Pending, answer: int | NotRecordedError) -> None:
    if pending.answer is None or pending.answer.done():
        return
    if isinstance(answer, int):
        pending.answer.set_result(answer)
    else:
        pending.answer.set_exception(answer)
