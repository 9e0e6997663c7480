"""Requests of a viewer, each a task of the event loop whose disk work is done in threads.

Rules: a job is never cancelled in the middle of a disk call, because a thread would go on with a descriptor that is
closed, or somebody else's by then: it is told to stop and does so between two calls. `stop` says how: "cancelled" takes
away what an upload brought, "interrupted" keeps it and tells nobody, because nobody is there.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from farhand.agent.core.tools import Sent
from farhand.agent.tools.files import disk, sources
from farhand.agent.tools.files.beneath import Parts, path_of, resolve
from farhand.agent.tools.files.errors import FilesError, explain, failure
from farhand.agent.tools.files.ledger import Ledger, shown
from farhand.agent.tools.files.partial import Identity
from farhand.protocol.channels import Files, Grant
from farhand.protocol.files import (
    LARGE_CHUNK,
    FilesAccepted,
    FilesChange,
    FilesDone,
    FilesFinish,
    FilesGet,
    FilesList,
    FilesListing,
    FilesProgress,
    Outgoing,
    Window,
    chunk,
)

SEE = Grant.FILES_READ | Grant.FILES_WRITE | Grant.FILES_DELETE
_PROGRESS_S = 0.25
_IN_A_ROW = 4 * LARGE_CHUNK
"""Bytes that one transfer sends before another one, and whatever else came, has its turn: about a millisecond."""
Result = TypeVar("Result")


class Host(Protocol):
    """What a job may ask of its tool."""

    ledger: Ledger
    window: Window

    @property
    def leg(self) -> int:
        """The viewer."""
        ...

    def now(self) -> float:
        """The loop's time."""
        ...

    def send(self, frame_type: Files, payload: bytes) -> Sent:
        """Send a frame to the viewer."""
        ...

    async def disk(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Do this in a thread. Raises what it raises."""
        ...

    async def room(self) -> None:
        """Wait until something of the viewer's window came back."""
        ...

    def check(self, needs: Grant, parts: Parts) -> None:
        """Raise FilesError unless the viewer may do such a thing there."""
        ...

    def hold(self, parts: Parts) -> bool:
        """Say whether this path is nobody else's; it is this job's then."""
        ...

    def release(self, parts: Parts) -> None:
        """The path is free again."""
        ...

    def finished(self) -> dict[str, tuple[FilesFinish, Identity]]:
        """Uploads of this viewer that are whole, by key and path: DONE may be lost, and the viewer ask again."""
        ...


class Job:
    """One request."""

    needs = SEE

    def __init__(self, host: Host, number: int, parts: Parts) -> None:
        self._host = host
        self.number = number
        self.parts = parts
        self.stopped = ""
        self._wake = asyncio.Event()

    def stop(self, why: str) -> None:
        """Be over soon: "cancelled", "interrupted", or a code."""
        self.stopped = self.stopped or why
        self._wake.set()

    async def run(self) -> None:
        """Do it, say DONE."""
        done = FilesDone(id=self.number)
        try:
            self._host.check(self.needs, self.parts)
            await self.work()
            self._check_stopped()
        except FilesError as error:
            done = FilesDone(id=self.number, code=error.code, text=str(error)[:512])
        except OSError as error:
            found = explain(error)
            done = FilesDone(id=self.number, code=found.code, text=str(found)[:512])
        if done.code:
            self.failed(done.code)
        if self.stopped != "interrupted":
            self.send(Files.DONE, done)

    async def work(self) -> None:
        """What the request is about. Raises OSError, FilesError."""
        raise NotImplementedError

    def failed(self, code: str) -> None:
        """It was not done: note what must be on record."""
        if code in ("outside", "no-grant"):
            self._host.ledger.file("file-refused", self._host.leg, path_of(self.parts), 0, code=code)

    def send(self, frame_type: Files, message: msgspec.Struct) -> None:
        """Send a message to the viewer."""
        self._host.send(frame_type, msgspec.json.encode(message))

    def _check_stopped(self) -> None:
        if self.stopped == "interrupted":
            raise FilesError("interrupted", "")
        if self.stopped:
            raise failure(self.stopped)

    async def _woken(self) -> None:
        self._wake.clear()
        await self._wake.wait()


class Listing(Job):
    """LIST, and a NEXT for each further page."""

    def __init__(self, host: Host, wish: FilesList, parts: Parts) -> None:
        super().__init__(host, wish.id, parts)
        self._asked = 1

    def next_page(self) -> None:
        """The viewer wants another page."""
        self._asked += 1
        self._wake.set()

    async def work(self) -> None:
        """Send page by page."""
        where = await self._host.disk(resolve, self.parts)
        self._host.check(self.needs, where)
        pages = disk.pages(where)
        page = await self._host.disk(next, pages, None)
        try:
            while page is not None:
                following = await self._host.disk(next, pages, None)
                while not self._asked and not self.stopped:
                    await self._woken()
                self._check_stopped()
                self._asked -= 1
                more = following is not None
                self.send(Files.LISTING, FilesListing(id=self.number, path=path_of(where), entries=page, more=more))
                page = following
        finally:
            await self._host.disk(pages.close)


class Making(Job):
    """MAKE."""

    needs = Grant.FILES_WRITE

    async def work(self) -> None:
        """Make the folder."""
        await self._host.disk(disk.make, self.parts)
        self._host.ledger.note("folder-created", self._host.leg, path_of(self.parts))


class Renaming(Job):
    """RENAME."""

    needs = Grant.FILES_DELETE

    def __init__(self, host: Host, wish: FilesChange, parts: Parts, to: Parts, pinned: Callable[[Parts], None]) -> None:
        super().__init__(host, wish.id, parts)
        self._to = to
        self._pinned = pinned

    async def work(self) -> None:
        """Give it the other name."""
        self._host.check(self.needs, self._to)
        self._pinned(self.parts)
        await self._host.disk(disk.rename, self.parts, self._to)
        to = shown(path_of(self._to))
        self._host.ledger.note("file-moved", self._host.leg, path_of(self.parts), to=to)


class Deleting(Job):
    """DELETE."""

    needs = Grant.FILES_DELETE

    def __init__(self, host: Host, wish: FilesChange, parts: Parts, pinned: Callable[[Parts], None]) -> None:
        super().__init__(host, wish.id, parts)
        self._pinned = pinned

    async def work(self) -> None:
        """Delete, and say how far it is. What was deleted before it was stopped is noted too."""
        self._pinned(self.parts)
        removal = disk.Removal(self.parts)
        told = self._host.now()
        try:
            while await self._host.disk(removal.step):
                self._check_stopped()
                if self._host.now() - told >= _PROGRESS_S:
                    told = self._host.now()
                    self.send(Files.PROGRESS, FilesProgress(id=self.number, count=removal.count))
        finally:
            if removal.count:
                path, counted = path_of(self.parts), {"count": removal.count, "size": removal.size}
                self._host.ledger.note("file-deleted", self._host.leg, path, **counted)


class Download(Job):
    """GET."""

    needs = Grant.FILES_READ

    def __init__(self, host: Host, wish: FilesGet, parts: Parts) -> None:
        super().__init__(host, wish.id, parts)
        self._wish = wish
        self._outgoing = Outgoing(host.window, 0)

    def acked(self, offset: int) -> None:
        """The viewer has taken all before `offset`."""
        self._outgoing.acked(offset, self._host.now())
        self._wake.set()

    async def work(self) -> None:
        """Send it."""
        where = await self._host.disk(resolve, self.parts)
        self._host.check(self.needs, where)
        source = await self._host.disk(sources.open_source, where)
        try:
            offset = self._wish.offset
            if offset and not await self._host.disk(sources.skip, source, offset, self._wish.sha256):
                source.close()
                source = await self._host.disk(sources.open_source, where)
                offset = 0
            self._check_stopped()
            self._outgoing = Outgoing(self._host.window, offset)
            sha256 = source.hash_so_far()
            self.send(
                Files.ACCEPTED,
                FilesAccepted(
                    id=self.number, offset=offset, sha256=sha256, size=source.size, modified_ms=source.modified_ms
                ),
            )
            await self._stream(source)
            sha256 = source.hash_so_far()
        finally:
            self._outgoing.over()
            await self._host.disk(source.close)
        self._host.ledger.file(
            "file-downloaded", self._host.leg, path_of(self.parts), self._outgoing.offset, sha256=sha256
        )

    async def _stream(self, source: sources.Source) -> None:
        """Send all, then FINISHED, and wait until the viewer has taken it. A block is read while the last one goes."""
        ahead = asyncio.ensure_future(self._host.disk(source.read, sources.BLOCK))
        try:
            while data := await ahead:
                ahead = asyncio.ensure_future(self._host.disk(source.read, sources.BLOCK))
                await self._send_block(data)
        finally:
            await asyncio.wait([ahead])
        size = self._outgoing.offset
        self.send(Files.FINISHED, FilesFinish(id=self.number, size=size, sha256=source.hash_so_far()))
        while self._outgoing.taken < size and not self.stopped:
            await self._woken()

    async def _send_block(self, data: bytes) -> None:
        view = memoryview(data)
        window, since = self._host.window, 0
        while view:
            size = min(window.chunk, len(view))
            while window.room < size and not self.stopped:
                await self._host.room()
            self._check_stopped()
            payload = chunk(self.number, self._outgoing.offset, view[:size])
            if not self._host.send(Files.BYTES, payload):
                self.stop("interrupted")
            self._outgoing.sent(size, self._host.now())
            view = view[size:]
            since += size
            if since >= _IN_A_ROW:
                since = 0
                await asyncio.sleep(0)  # several transfers go on side by side

    def failed(self, code: str) -> None:
        """Note how much of it went over."""
        super().failed(code)
        path = path_of(self.parts)
        self._host.ledger.file("file-download-failed", self._host.leg, path, self._outgoing.offset, code=code)
