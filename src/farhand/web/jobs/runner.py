"""The program that does the jobs: one long one at a time, and short ones in between.

It runs with low priority, so that pages and live sessions come first. Whatever ends it in the middle, the next one
finds the job and begins it again, a few times. A job that gives no sign of life for `STUCK_S` ends the program for that
reason. Rules: one thread works; a job that fails is told so and the next one begins; what is left on the disk is
`KEEP_FREE`, more than recordings leave, so that a job never takes their last space.
"""

import contextlib
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from farhand.kit.log import configure_log, get_log
from farhand.kit.stop import Stop
from farhand.rules.text import gettext_noop as _

log = get_log("jobs")

NICE: Final = 10
LOOK_S: Final = 0.5
"""Seconds between two looks for work."""
BEAT_S: Final = 1.0
EXPIRE_S: Final = 60.0
STUCK_S: Final = 600.0
KEEP_FREE: Final = 256 << 20
"""Bytes of the disk that jobs leave to others."""
NO_ROOM: Final = _("The disk of the appliance is nearly full. Free some space, then try again.")
BROKEN: Final = _(
    "This could not be done because of an error. Try again; an administrator finds the reason in the log."
)


class _Unwanted(Exception):
    """The job was cancelled."""


class _Stopping(Exception):
    """The program is asked to end."""


class Runner:
    """Does what waits. `stop` ends it at the next sign of life of the job that runs."""

    def __init__(self, stop: Stop, free: Callable[[Path], int] | None = None) -> None:
        self.stop = stop
        self.free = free or (lambda path: shutil.disk_usage(path).free)
        self.alive_at = time.monotonic()
        self._expire_at = 0.0

    def run(self) -> None:
        """Work until `stop` is set."""
        from farhand.web.jobs.services import put_back
        from farhand.web.project.service import SYSTEM

        self._step(lambda: put_back(SYSTEM))
        self._step(self._remove_strays)
        while not self.stop.is_set():
            self.alive_at = time.monotonic()
            if not self._step(self.once):
                self._step(self._expire)
                self.stop.wait(LOOK_S)

    def once(self, *, short_only: bool = False) -> bool:
        """Do one job; False when none waits."""
        from farhand.web.jobs.queries import waiting
        from farhand.web.jobs.services import claim
        from farhand.web.project.service import SYSTEM

        job = claim(SYSTEM, short_only=short_only) if waiting(short_only=short_only) else None
        if job is None:
            return False
        log.info("job_begins", job=job.id, kind=job.kind, attempt=job.attempts)
        self._do(_Work(self, job))
        return True

    def _do(self, work: "_Work") -> None:
        from farhand.web.jobs.kinds import Again, Failed, kinds
        from farhand.web.jobs.services import fail, finish, put_back, put_off, remove_files
        from farhand.web.project.service import SYSTEM

        began, kept = time.monotonic(), False
        try:
            remove_files(work.id)
            work.folder.mkdir(mode=0o700, parents=True)
            outcome = kinds()[work.kind].run(work)
            size = (work.folder / outcome.file_name).stat().st_size if outcome.file_name else 0
            kept = finish(SYSTEM, job_id=work.id, outcome=outcome, size=size) and bool(outcome.file_name)
            how = "done"
        except _Stopping:
            put_back(SYSTEM, job_id=work.id)
            how = "put back"
        except _Unwanted:
            fail(SYSTEM, job_id=work.id, error="")
            how = "cancelled"
        except Failed as error:
            how = error.text
            if not isinstance(error, Again) or not put_off(SYSTEM, job_id=work.id):
                fail(SYSTEM, job_id=work.id, error=error.text)
        except Exception as error:
            log.exception("job_failed", job=work.id, kind=work.kind)
            fail(SYSTEM, job_id=work.id, error=_why(error))
            how = type(error).__name__
        finally:
            if not kept:
                remove_files(work.id)
        log.info("job_ended", job=work.id, kind=work.kind, how=how, seconds=round(time.monotonic() - began, 1))

    def _expire(self) -> None:
        from farhand.web.jobs.services import expire
        from farhand.web.project.service import SYSTEM

        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + EXPIRE_S
            expire(SYSTEM)

    @staticmethod
    def _remove_strays() -> None:
        """Folders of jobs that nobody knows (a database that was restored)."""
        from farhand.web.jobs.models import DONE, Job
        from farhand.web.jobs.services import folder, remove_files

        known = set(Job.objects.filter(state=DONE).values_list("id", flat=True))
        with contextlib.suppress(FileNotFoundError):
            for entry in list(os.scandir(folder())):
                if entry.name not in known:
                    remove_files(entry.name)

    @staticmethod
    def _step(function: Callable[[], Any]) -> Any:
        from django.db import Error as DatabaseError
        from django.db import close_old_connections

        try:
            return function()
        except Exception as error:  # noqa: BLE001 - the loop must go on; what failed comes again
            log.error("jobs_step_failed", error=f"{type(error).__name__}: {error}")
            if isinstance(error, DatabaseError):
                close_old_connections()
            return None


class _Work:
    """The job that runs, as its kind sees it (`kinds.Work`)."""

    def __init__(self, runner: Runner, job: Any) -> None:
        from farhand.web.jobs.kinds import kinds
        from farhand.web.jobs.services import folder

        self.id: str = job.id
        self.kind: str = job.kind
        self.owner_id: str | None = job.owner_id
        self.subject: str = job.subject
        self.params: Mapping[str, Any] = job.params
        self.folder = folder() / job.id
        kind = kinds().get(job.kind)
        self.last: bool = kind is None or job.pauses >= len(kind.pauses_s)
        self._short: bool = job.short
        self._runner = runner
        self._beat_at = 0.0

    def tell(self, share: float) -> None:
        """Say how far it is; see `kinds`."""
        from farhand.web.jobs.kinds import Failed
        from farhand.web.jobs.services import beat
        from farhand.web.project.service import SYSTEM

        now = time.monotonic()
        self._runner.alive_at = now
        if self._runner.stop.is_set():
            raise _Stopping
        if now < self._beat_at:
            return
        self._beat_at = now + BEAT_S
        if not beat(SYSTEM, job_id=self.id, progress=round(share * 1000)):
            raise _Unwanted
        if self._runner.free(self.folder) < KEEP_FREE:
            raise Failed(NO_ROOM)
        if not self._short:
            while not self._runner.stop.is_set() and self._runner.once(short_only=True):
                self._beat_at = time.monotonic()


def _why(error: Exception) -> str:
    return NO_ROOM if isinstance(error, OSError) and error.errno == errno.ENOSPC else BROKEN


def run(data: Path) -> None:
    """Do jobs until SIGTERM or SIGINT. `prepare` has been run for this folder."""
    configure_log("jobs")
    from farhand.kit.process import AlreadyLocked, hold_lock
    from farhand.web.project.prepare import set_up

    os.nice(NICE)
    set_up(data)
    try:
        hold_lock(data / "run" / "jobs.lock")
    except AlreadyLocked:
        log.error("jobs_run_already", folder=str(data))
        raise SystemExit(1) from None
    stop = Stop()
    stop.on_signals()
    runner = Runner(stop)
    threading.Thread(target=_watch, args=(runner,), name="watchdog", daemon=True).start()
    log.info("jobs_start")
    runner.run()
    log.info("jobs_stopped")


def _watch(runner: Runner) -> None:
    """End the program when a job hangs; the supervisor starts another one."""
    while not runner.stop.wait(5.0):
        if time.monotonic() - runner.alive_at > STUCK_S:
            log.error("job_hangs", seconds=STUCK_S)
            os._exit(70)
