"""PUT: what a viewer sends on its way to the disk, as it comes; a small file in one go.

Rules: those of `jobs`. Nothing is said to be done that is not on the disk for good and has its name. What is taken may
still be on its way there.
"""

import hashlib
from collections import deque

from farhand.agent.tools.files import sources
from farhand.agent.tools.files.beneath import Parts, make_folders, path_of
from farhand.agent.tools.files.errors import FilesError, failure
from farhand.agent.tools.files.jobs import Host, Job
from farhand.agent.tools.files.partial import Identity, Partial, identity_of
from farhand.protocol.channels import Files, Grant
from farhand.protocol.files import ACK, FilesAccepted, FilesFinish, FilesPut, Incoming

_MOST_PIECES = 512
"""Frames that are written at once; less than IOV_MAX."""
_SMALL = 256 * 1024
"""Bytes of a file that is held until its last word has come: 16 MiB for all requests that a viewer may have."""


class Upload(Job):
    """PUT."""

    needs = Grant.FILES_WRITE

    def __init__(self, host: Host, wish: FilesPut, parts: Parts) -> None:
        super().__init__(host, wish.id, parts)
        self._wish = wish
        self._queue: deque[bytes] = deque()
        self._finish: FilesFinish | None = None
        self._incoming = Incoming(0, wish.size) if wish.fresh else None
        self._have = 0
        self._small = wish.fresh and wish.size <= _SMALL
        self._made: list[Parts] = []
        """Folders that were made for it and are not on record yet."""

    def data(self, offset: int, data: bytes) -> None:
        """Bytes came. Raises ValueError."""
        if self._incoming is None:
            raise ValueError("bytes of an upload came before it was accepted")
        try:
            self._incoming.data(offset, len(data))
        except ValueError:
            self.stop("protocol")
            raise
        if data:  # nothing came with an empty piece, and nothing is to be written of it
            self._queue.append(data)
            self._wake.set()
            if self._small:
                self._have += len(data)
                self._took(len(data))

    def finish(self, finish: FilesFinish) -> None:
        """All was sent."""
        self._finish = finish
        self._wake.set()

    async def work(self) -> None:
        """Take what comes to the disk."""
        whole = self._host.finished().get(self._name)
        if whole is not None and await self._host.disk(identity_of, self.parts) == whole[1]:
            await self._already(whole[0])
            return
        if not self._host.hold(self.parts):
            raise failure("busy")
        try:
            await (self._take_small() if self._small else self._take_as_it_comes())
        finally:
            self._host.release(self.parts)

    async def _take_small(self) -> None:
        """Hold a small file until its last word has come, then take it to the disk in one go of a thread: each go takes
        longer than what is done in it."""
        accepted = FilesAccepted(id=self.number, offset=0, sha256=hashlib.sha256().hexdigest(), size=self._wish.size)
        self.send(Files.ACCEPTED, accepted)
        while self._finish is None and not self.stopped:
            await self._woken()
        self._check_stopped()
        assert self._finish is not None
        finish, wish, data = self._finish, self._wish, b"".join(self._queue)

        def write() -> Identity:
            partial = self._open()
            try:
                if data:
                    partial.write([data])
                return partial.finish(finish.size, finish.sha256, wish.modified_ms)
            except (OSError, FilesError):
                partial.discard()
                raise
            finally:
                partial.close()

        try:
            known = await self._host.disk(write)
        finally:
            self._note_folders()
        self._whole(finish, known)

    async def _take_as_it_comes(self) -> None:
        partial: Partial | None = None
        try:
            try:
                partial = await self._host.disk(self._open)
            finally:
                self._note_folders()
            self._accept(partial)
            await self._take(partial)
        except (OSError, FilesError):
            if partial is not None and self.stopped != "interrupted":
                await self._host.disk(partial.discard)
            raise
        finally:
            if partial is not None:
                await self._host.disk(partial.close)

    @property
    def _name(self) -> str:
        return f"{self._wish.key} {path_of(self.parts).hex()}"

    async def _already(self, whole: FilesFinish) -> None:
        """It is there since before the connection was lost: nothing is written, FINISH must say the same."""
        accepted = FilesAccepted(id=self.number, offset=whole.size, sha256=whole.sha256, size=whole.size)
        self.send(Files.ACCEPTED, accepted)
        while self._finish is None and not self.stopped:
            await self._woken()
        self._check_stopped()
        if self._finish is None or (self._finish.size, self._finish.sha256) != (whole.size, whole.sha256):
            raise failure("exists")

    def _open(self) -> Partial:
        """In a thread. Folders that are missing are made, where that is wished."""
        wish = self._wish

        def begin() -> Partial:
            return Partial(self.parts, wish.key, wish.size, replace=wish.replace, fresh=wish.fresh)

        try:
            return begin()
        except FileNotFoundError:
            if not wish.parents:
                raise
        self._made = make_folders(self.parts[:-1])
        return begin()

    def _note_folders(self) -> None:
        made, self._made = self._made, []
        for one in made:
            self._host.ledger.file("folder-created", self._host.leg, path_of(one), 0)

    def _accept(self, partial: Partial) -> None:
        if self._incoming is None:
            self._incoming = Incoming(partial.have, self._wish.size)
        sha256 = partial.hash_so_far()
        self.send(
            Files.ACCEPTED,
            FilesAccepted(id=self.number, offset=partial.have, sha256=sha256, size=self._wish.size),
        )

    async def _take(self, partial: Partial) -> None:
        assert self._incoming is not None
        while True:
            while not self._queue and self._finish is None and not self.stopped:
                await self._woken()
            self._check_stopped()
            if self._queue:
                pieces, size = self._next_block()
                await self._host.disk(partial.write, pieces)
                self._have = partial.have
                self._took(size)
            elif self._finish is not None:
                finish, wish = self._finish, self._wish
                known = await self._host.disk(partial.finish, finish.size, finish.sha256, wish.modified_ms)
                self._whole(finish, known)
                return

    def _took(self, size: int) -> None:
        assert self._incoming is not None
        taken = self._incoming.took(size)
        if taken is not None:
            self._host.send(Files.TAKEN, ACK.pack(self.number, taken))

    def _whole(self, finish: FilesFinish, known: Identity) -> None:
        """It has its name."""
        path = path_of(self.parts)
        self._host.ledger.file("file-uploaded", self._host.leg, path, finish.size, sha256=finish.sha256)
        self._host.finished()[self._name] = finish, known
        self.stopped = ""  # it is done: a CANCEL that came too late changes nothing

    def _next_block(self) -> tuple[list[bytes], int]:
        """Take what came out of the queue, up to a block; return it with its size."""
        pieces: list[bytes] = []
        size = 0
        while self._queue and size < sources.BLOCK and len(pieces) < _MOST_PIECES:
            data = self._queue.popleft()
            pieces.append(data)
            size += len(data)
        return pieces, size

    def failed(self, code: str) -> None:
        """Note how much of it came."""
        super().failed(code)
        self._host.ledger.file("file-upload-failed", self._host.leg, path_of(self.parts), self._have, code=code)
