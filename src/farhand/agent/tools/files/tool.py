"""The files tool of one session: who is served, what they asked for, what they may reach.

Rules: nobody is served before START and, where a customer sits, the customer's yes. Every request is judged twice: by
its path as it was written, and by where that leads. Grants and limits that shrink stop what goes further at once.
A lost connection forgets the requests and keeps what uploads have brought; `run` tells viewers when that was.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.tools import Sent, Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.files import disk, leftovers
from farhand.agent.tools.files.beneath import Parts, Roots, parts_of, path_of, roots_of, within
from farhand.agent.tools.files.errors import FilesError, failure
from farhand.agent.tools.files.jobs import Deleting, Download, Job, Listing, Making, Renaming
from farhand.agent.tools.files.ledger import Ledger
from farhand.agent.tools.files.partial import Identity
from farhand.agent.tools.files.upload import Upload
from farhand.kit.ids import new_id
from farhand.protocol.channels import Files, Grant, Kind, channel
from farhand.protocol.files import (
    MAX_REQUESTS,
    FilesChange,
    FilesDone,
    FilesFinish,
    FilesGet,
    FilesList,
    FilesPut,
    FilesRequest,
    FilesStart,
    FilesStarted,
    Volume,
    Window,
    read_ack,
    read_chunk,
)
from farhand.protocol.messages import Limits, Message, Stopped

FILES = channel(Kind.FILES)
THREADS = 8
"""As many as a console sends small files at a time: the disk puts what is synced side by side into one go."""
FINISHED = 256
"""Whole uploads that are remembered for a viewer whose connection was lost."""
Result = TypeVar("Result")


class Viewer:
    """A representative who is served: the `Host` of its jobs."""

    def __init__(self, tool: "FilesTool", leg: int) -> None:
        self._tool = tool
        self.leg = leg
        self.ledger = tool.ledger
        self.window = Window()
        self.jobs: dict[int, Job] = {}
        self._room = asyncio.Event()
        self.set_limits(tool.port.limits_of(leg))

    def set_limits(self, limits: Limits) -> None:
        """These hold from now on."""
        self.read, self.write = roots_of(limits.files_read), roots_of(limits.files_write)

    # --- what jobs ask for ---

    def now(self) -> float:
        """The loop's time."""
        return self._tool.port.loop.time()

    def send(self, frame_type: Files, payload: bytes) -> Sent:
        """Send a frame to the viewer."""
        return self._tool.port.send(frame_type, FILES, payload, self.leg)

    async def disk(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Do this in a thread."""
        return await self._tool.port.loop.run_in_executor(self._tool.pool, function, *arguments)

    async def room(self) -> None:
        """Wait until something of the window came back."""
        self._room.clear()
        await self._room.wait()

    def more_room(self) -> None:
        """Something came back, or somebody is to look."""
        self._room.set()

    def check(self, needs: Grant, parts: Parts) -> None:
        """Raise FilesError unless the viewer may do such a thing there."""
        grants = self._tool.port.grants_of(self.leg) & needs
        if not grants:
            raise failure("no-grant")
        if not any(within(parts, roots) for roots in self._roots(grants)):
            raise failure("outside")

    def hold(self, parts: Parts) -> bool:
        """Take a path for one upload."""
        if parts in self._tool.held:
            return False
        self._tool.held.add(parts)
        return True

    def release(self, parts: Parts) -> None:
        """The path is free again."""
        self._tool.held.discard(parts)

    def finished(self) -> dict[str, tuple[FilesFinish, Identity]]:
        """Uploads of this viewer that are whole; the oldest are forgotten."""
        kept = self._tool.finished.setdefault((self.leg, self._tool.port.name_of(self.leg)), {})
        while len(kept) > FINISHED:
            del kept[next(iter(kept))]
        return kept

    # --- for the tool ---

    def _roots(self, grants: Grant) -> list[Roots]:
        found = [self.read] if grants & Grant.FILES_READ else []
        return [*found, self.write] if grants & (Grant.FILES_WRITE | Grant.FILES_DELETE) else found

    def places(self) -> tuple[list[Volume], bytes]:
        """Where this viewer can begin, and where it does. In a thread."""
        grants = self._tool.port.grants_of(self.leg)
        limited: list[Parts] = []
        for roots in self._roots(grants):
            if roots is None:
                return disk.volumes(None), disk.home()
            limited += [root for root in roots if root not in limited]
        return disk.volumes(tuple(limited)), path_of(limited[0]) if limited else b"/"

    def inbox(self) -> bytes:
        """Where this viewer's files go when no folder was chosen; empty when it may not write. In a thread."""
        if not self._tool.port.grants_of(self.leg) & Grant.FILES_WRITE:
            return b""
        if self.write is None:
            return self._tool.port.machine.inbox()
        return path_of(self.write[0]) if self.write else b""

    def pinned(self, parts: Parts) -> None:
        """Raise FilesError for what must keep its place: `/`, and folders that limits name."""
        disk.check_deletable(parts, self.write)

    def judge(self) -> None:
        """Grants or limits are others now: stop what goes further."""
        for job in list(self.jobs.values()):
            try:
                self.check(job.needs, job.parts)
            except FilesError as error:
                job.stop(error.code)
        self.more_room()

    def stop(self, why: str) -> None:
        """Stop everything."""
        for job in list(self.jobs.values()):
            job.stop(why)
        self.jobs.clear()
        self.more_room()


class FilesTool(Tool):
    """Serves the files channel (see `Tool`)."""

    kind = Kind.FILES

    def __init__(self, port: ToolPort) -> None:
        self.port = port
        self.ledger = Ledger(port)
        self.pool = ThreadPoolExecutor(THREADS, "files")
        self.held: set[Parts] = set()
        """Targets of uploads that run."""
        self.finished: dict[tuple[int, str], dict[str, tuple[FilesFinish, Identity]]] = {}
        """Per leg and name of the representative."""
        self._run = new_id()
        self._viewers: dict[int, Viewer] = {}
        self._swept = False
        self._noted: set[tuple[int, str]] = set()
        """Whose access is on record: who comes back after a lost connection begins nothing new."""
        self._asked: set[int] = set()
        """Legs that wait for the customer's answer."""
        self._consent = Consent(port, self.kind, "files", self._answered)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """Take one frame of a viewer."""
        viewer = self._viewers.get(leg)
        if frame_type == Files.START:
            self._start(leg, msgspec.json.decode(payload, type=FilesStart))
        elif frame_type == Files.DATA:
            number, offset, data = read_chunk(payload)
            job = viewer.jobs.get(number) if viewer is not None else None
            if isinstance(job, Upload) and not job.stopped:
                job.data(offset, data)
        elif frame_type == Files.ACK:
            self._acked(viewer, *read_ack(payload))
        elif frame_type == Files.STOP:
            self._stop(leg)
        elif frame_type in (Files.NEXT, Files.CANCEL, Files.FINISH):
            self._go_on(viewer, frame_type, payload)
        else:
            self._request(leg, viewer, frame_type, payload)

    def _acked(self, viewer: Viewer | None, number: int, offset: int) -> None:
        job = viewer.jobs.get(number) if viewer is not None else None
        if viewer is not None and isinstance(job, Download):
            job.acked(offset)
            viewer.more_room()

    def _go_on(self, viewer: Viewer | None, frame_type: int, payload: memoryview) -> None:
        if frame_type == Files.FINISH:
            finish = msgspec.json.decode(payload, type=FilesFinish)
            job = viewer.jobs.get(finish.id) if viewer is not None else None
            if isinstance(job, Upload):
                job.finish(finish)
            return
        number = msgspec.json.decode(payload, type=FilesRequest).id
        job = viewer.jobs.get(number) if viewer is not None else None
        if job is not None and frame_type == Files.CANCEL:
            assert viewer is not None
            job.stop("cancelled")
            viewer.more_room()
        elif isinstance(job, Listing):
            job.next_page()

    def _request(self, leg: int, viewer: Viewer | None, frame_type: int, payload: memoryview) -> None:
        number = msgspec.json.decode(payload, type=FilesRequest).id
        try:
            if viewer is None:
                raise failure("not-started")
            if len(viewer.jobs) >= MAX_REQUESTS or number in viewer.jobs:
                raise failure("busy")
            job = _job(viewer, frame_type, payload)
        except FilesError as error:
            self._tell(Files.DONE, FilesDone(id=number, code=error.code, text=str(error)[:512]), leg)
            return
        viewer.jobs[number] = job
        self._spawn(self._run_job(viewer, job))

    async def _run_job(self, viewer: Viewer, job: Job) -> None:
        try:
            await job.run()
        finally:
            if viewer.jobs.get(job.number) is job:
                del viewer.jobs[job.number]

    # --- who is served ---

    def _start(self, leg: int, wish: FilesStart) -> None:
        viewer = self._viewers.get(leg)
        if viewer is not None:
            if wish.fresh:
                viewer.stop("interrupted")
                viewer.window = Window()
            self._spawn(self._tell_started(viewer))
            return
        by = self.port.name_of(leg)
        if leg in self._asked:
            return
        if (leg, by) not in self._noted:
            self.port.post("files-requested", by=by, leg=leg)
        if self._consent.given(leg):
            self._answered(leg, True)
        else:
            self._asked.add(leg)
            self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        self._asked.discard(leg)
        by = self.port.name_of(leg)
        if not allowed:
            self.port.post("files-refused", by=by, leg=leg)
            text = _("The customer did not allow File Transfer.")
            self._tell(Files.STOPPED, Stopped(reason="refused", text=text), leg)
            return
        if (leg, by) not in self._noted:
            self._noted.add((leg, by))
            self.port.post("files-started", by=by, leg=leg)
        viewer = self._viewers[leg] = Viewer(self, leg)
        self._spawn(self._tell_started(viewer))
        if not self._swept:
            self._swept = True
            self._spawn(self._sweep())

    async def _sweep(self) -> None:
        """Once in a session: what earlier uploads left behind."""
        removed = await self.port.loop.run_in_executor(self.pool, leftovers.sweep)
        if removed:
            self.port.log("leftovers_removed", files=removed)

    async def _tell_started(self, viewer: Viewer) -> None:
        volumes, home = await viewer.disk(viewer.places)
        inbox = await viewer.disk(viewer.inbox)
        started = FilesStarted(run=self._run, volumes=volumes, home=home, inbox=inbox)
        self._tell(Files.STARTED, started, viewer.leg)

    def _stop(self, leg: int) -> None:
        self._asked.discard(leg)
        self._consent.cancel(leg)
        viewer = self._viewers.pop(leg, None)
        if viewer is not None:
            viewer.stop("cancelled")
            by = self.port.name_of(leg)
            self._noted.discard((leg, by))
            self.ledger.flush()
            self.port.post("files-stopped", by=by, leg=leg)
        self._tell(Files.STOPPED, Stopped(), leg)

    def viewer_left(self, leg: int) -> None:
        """Serve this viewer no longer; what its uploads have brought stays for when it comes back."""
        self._asked.discard(leg)
        self._consent.cancel(leg)
        viewer = self._viewers.pop(leg, None)
        if viewer is not None:
            viewer.stop("interrupted")

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        """Stop what the viewer may not do any more."""
        viewer = self._viewers.get(leg)
        if viewer is not None:
            viewer.judge()
            self._spawn(self._tell_started(viewer))

    def limits_changed(self, leg: int, limits: Limits) -> None:
        """Stop what goes further."""
        viewer = self._viewers.get(leg)
        if viewer is not None:
            viewer.set_limits(limits)
            viewer.judge()
            self._spawn(self._tell_started(viewer))

    def resumed(self) -> None:
        """The socket is back: what was on its way is lost, and every viewer begins again from what it has."""
        self._run = new_id()
        for viewer in self._viewers.values():
            viewer.stop("interrupted")
            viewer.window = Window()
            self._spawn(self._tell_started(viewer))

    def close(self) -> None:
        """Stop everything; what uploads have brought stays."""
        self._consent.close()
        for viewer in self._viewers.values():
            viewer.stop("interrupted")
        self._viewers.clear()
        self.ledger.flush()
        self.pool.shutdown(wait=False)

    # --- inside ---

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self.port.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.port.log("files_failed", reason=repr(error))

    def _tell(self, frame_type: Files, message: Message, leg: int) -> None:
        self.port.send(frame_type, FILES, msgspec.json.encode(message), leg)


def _job(viewer: Viewer, frame_type: int, payload: memoryview) -> Job:
    """Make the job of a request. Raises ValueError, FilesError."""
    if frame_type == Files.LIST:
        wish = msgspec.json.decode(payload, type=FilesList)
        return Listing(viewer, wish, parts_of(wish.path))
    if frame_type == Files.GET:
        get = msgspec.json.decode(payload, type=FilesGet)
        return Download(viewer, get, parts_of(get.path))
    if frame_type == Files.PUT:
        put = msgspec.json.decode(payload, type=FilesPut)
        return Upload(viewer, put, parts_of(put.path))
    change = msgspec.json.decode(payload, type=FilesChange)
    parts = parts_of(change.path)
    if frame_type == Files.MAKE:
        return Making(viewer, change.id, parts)
    if frame_type == Files.RENAME:
        return Renaming(viewer, change, parts, parts_of(change.to), viewer.pinned)
    return Deleting(viewer, change, parts, viewer.pinned)
