"""Entries on their way: bounded, and honest about what was dropped."""

import asyncio

import msgspec
import pytest

from farhand.agent.core.posts import MAX_PENDING, Posts
from farhand.agent.core.tools import NotRecordedError
from farhand.protocol.messages import Entry, Post, PostRefused


class Journal:
    """Collects what is sent; keeps it when the test says so."""

    def __init__(self) -> None:
        self.sent: list[Post] = []
        self.warnings: list[str] = []
        self.posts = Posts(self._take, lambda event, **_fields: self.warnings.append(event))
        self._seq = 0

    def _take(self, _type: int, _channel: int, payload: bytes) -> None:
        self.sent.append(msgspec.json.decode(payload, type=Post))

    def keep(self, post: Post) -> None:
        self._seq += 1
        entry = Entry(
            seq=self._seq, time_ms=1, id=post.id, leg=1, party=1, subject="", name="", kind=post.kind, data=post.data
        )
        assert self.posts.kept(entry)
        assert not self.posts.kept(entry)


async def test_too_many_notes_are_dropped_and_the_journal_is_told_once() -> None:
    journal = Journal()
    for number in range(MAX_PENDING + 3):
        journal.posts.note("shell-closed", "", {"shell": number})
    assert len(journal.sent) == len(journal.posts) == MAX_PENDING
    assert journal.warnings == ["entries_dropped"]
    with pytest.raises(NotRecordedError, match="connection is away") as refused:
        journal.posts.chat("hello")
    assert refused.value.code == "full"
    with pytest.raises(NotRecordedError):
        await journal.posts.recorded("shell-opened", "", {})
    for post in journal.sent[:10]:
        journal.keep(post)
    told = journal.sent[MAX_PENDING:]
    assert [(post.kind, post.data) for post in told] == [("entries-dropped", {"count": 3})]
    journal.posts.note("shell-closed", "", {})
    assert journal.sent[-1].kind == "shell-closed"


async def test_all_that_waits_is_said_again() -> None:
    journal = Journal()
    journal.posts.note("shell-opened", "", {"by": "rep", "leg": 2})
    journal.posts.chat("hello")
    journal.keep(journal.sent[0])
    journal.posts.again()
    assert [post.text for post in journal.sent] == ["", "hello", "hello"]
    assert journal.sent[1].id == journal.sent[2].id
    journal.posts.refused(PostRefused(id=journal.sent[1].id, code="too-many", text="Enough."))
    journal.posts.again()
    assert len(journal.sent) == 3


async def test_who_waits_no_longer_is_not_recorded_later() -> None:
    journal = Journal()
    act = asyncio.ensure_future(journal.posts.recorded("shell-opened", "", {}))
    await asyncio.sleep(0)
    act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act
    journal.posts.again()
    assert len(journal.sent) == 1
