"""Jobs are done one by one, can be stopped, survive the end of their program, and leave nothing behind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import actor_for

from farhand.kit.ids import new_id
from farhand.kit.stop import Stop
from farhand.web.events.models import AuditRow
from farhand.web.jobs import kinds, queries, runner, services
from farhand.web.jobs.kinds import Failed, Kind, Outcome, Work
from farhand.web.jobs.models import CANCELLED, DONE, EXPIRED, FAILED, RUNNING, WAITING, Job
from farhand.web.project import service as project
from farhand.web.project.service import SYSTEM, Conflict, NotThere, Refused

pytestmark = pytest.mark.django_db


def write(work: Work) -> Outcome:
    work.tell(0.5)
    (work.folder / "made.txt").write_text(work.subject)
    return Outcome("made.txt", "text/plain", 60)


def fail(work: Work) -> Outcome:
    (work.folder / "half.txt").write_text("half")
    raise Failed("This cannot be done.")


def crash(work: Work) -> Outcome:
    raise RuntimeError("secret detail")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Kind]:
    """The kinds of jobs, which a test may change."""
    known = {"write": Kind(write), "fail": Kind(fail), "crash": Kind(crash), "short": Kind(write, short=True)}

    def all_kinds() -> Mapping[str, Kind]:
        return known

    monkeypatch.setattr(kinds, "kinds", all_kinds)
    monkeypatch.setattr(services, "kinds", all_kinds)
    return known


@pytest.fixture
def owner(make_user: Any) -> Any:
    return make_user("owner", "perm_support_allowed")


@pytest.fixture
def worker(settings: Any) -> runner.Runner:
    return runner.Runner(Stop())


def add(kind: str, owner: Any = None, subject: str = "session:x") -> Job:
    """A job as an area's service adds it."""
    change = project.Change(SYSTEM, "jobs.job.claim")
    owner_id = owner.id if owner is not None else None
    return Job.objects.get(id=services.add(change, kind=kind, subject=subject, params={}, owner_id=owner_id))


def test_a_job_is_done_and_its_file_kept_for_its_time(
    table: Any, owner: Any, worker: runner.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add("write", owner)
    assert queries.value(job, project.now_ms())["state"] == WAITING
    assert worker.once()
    assert not worker.once()
    job.refresh_from_db()
    assert (job.state, job.progress, job.file_bytes, job.attempts) == (DONE, 1000, 9, 1)
    found = queries.result(job.id, owner.id, "write", "session:x", project.now_ms())
    assert found is not None
    assert found[1].read_text() == "session:x"
    row = AuditRow.objects.get(action="jobs.job.finish")
    assert row.fields["kind"] == "write"
    # Nobody else's, no other subject's, and not after its time.
    late = project.now_ms() + 61_000
    assert queries.result(job.id, new_id(), "write", "session:x", project.now_ms()) is None
    assert queries.result(job.id, owner.id, "write", "session:y", project.now_ms()) is None
    assert queries.result("../../keys", owner.id, "write", "session:x", project.now_ms()) is None
    assert queries.result(job.id, owner.id, "write", "session:x", late) is None
    Job.objects.update(expires_ms=1)
    assert services.expire(SYSTEM) == 1
    job.refresh_from_db()
    assert job.state == EXPIRED
    assert not found[1].parent.exists()


@pytest.mark.parametrize(("kind", "said"), [("fail", "This cannot be done."), ("crash", runner.BROKEN)])
def test_a_job_that_fails_says_why_and_leaves_nothing(
    table: Any, owner: Any, worker: runner.Runner, kind: str, said: str
) -> None:
    job = add(kind, owner)
    worker.once()
    job.refresh_from_db()
    assert (job.state, job.error) == (FAILED, said)
    assert not (services.folder() / job.id).exists()


def test_short_jobs_come_first_and_within_long_ones(table: Any, owner: Any, worker: runner.Runner) -> None:
    order: list[str] = []

    def long(work: Work) -> Outcome:
        order.append("begins")
        add("short")
        work.tell(0.1)
        order.append(Job.objects.get(kind="short").state)
        return Outcome()

    table["write"] = Kind(long)
    add("write", owner)
    worker.once()
    assert order == ["begins", DONE]
    add("write", owner)
    short = add("short")
    worker.once()
    short.refresh_from_db()
    assert short.state == DONE


def test_a_job_is_cancelled_while_it_waits_and_while_it_runs(
    table: Any, owner: Any, make_user: Any, worker: runner.Runner
) -> None:
    waiting = add("write", owner)
    with pytest.raises(Refused):
        services.cancel(actor_for(make_user("other")), job_id=waiting.id)
    assert services.cancel(actor_for(owner), job_id=waiting.id)
    assert not services.cancel(actor_for(owner), job_id=waiting.id)
    with pytest.raises(NotThere):
        services.cancel(actor_for(owner), job_id=new_id())

    def unwanted(work: Work) -> Outcome:
        services.cancel(actor_for(owner), job_id=work.id)
        work.tell(0.2)
        raise AssertionError("it goes on")

    table["write"] = Kind(unwanted)
    running = add("write", owner)
    worker.once()
    running.refresh_from_db()
    assert (running.state, running.error) == (CANCELLED, "")
    assert not worker.once()


def test_a_job_whose_program_ended_is_begun_again_a_few_times(table: Any, owner: Any, worker: runner.Runner) -> None:
    job = add("write", owner)
    for attempt in range(1, services.ATTEMPTS + 1):
        taken = services.claim(SYSTEM)
        assert taken is not None
        assert taken.attempts == attempt
        assert services.claim(SYSTEM) is None
        services.put_back(SYSTEM)
    assert not worker.once()
    job.refresh_from_db()
    assert (job.state, job.error) == (FAILED, services.NOT_FINISHED)


def test_a_program_that_is_asked_to_end_puts_its_job_back(table: Any, owner: Any, worker: runner.Runner) -> None:
    def interrupted(work: Work) -> Outcome:
        assert Job.objects.get(id=work.id).state == RUNNING
        worker.stop.set()
        work.tell(0.3)
        raise AssertionError("it goes on")

    table["write"] = Kind(interrupted)
    job = add("write", owner)
    worker.once()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.progress) == (WAITING, 0, 0)


def test_jobs_leave_room_on_the_disk(table: Any, owner: Any, settings: Any) -> None:
    job = add("write", owner)
    runner.Runner(Stop(), free=lambda path: runner.KEEP_FREE - 1).once()
    job.refresh_from_db()
    assert (job.state, job.error) == (FAILED, runner.NO_ROOM)


def test_one_person_has_a_few_at_once_and_old_rows_are_forgotten(table: Any, owner: Any, worker: runner.Runner) -> None:
    for _ in range(services.MAX_OPEN):
        add("write", owner)
    with pytest.raises(Conflict):
        add("write", owner)
    while worker.once():
        pass
    Job.objects.update(expires_ms=1, ended_ms=1)
    services.expire(SYSTEM)
    assert services.expire(SYSTEM) == 0
    assert not Job.objects.exists()


def test_folders_that_nobody_knows_are_removed(table: Any, worker: runner.Runner, settings: Any) -> None:
    stray: Path = services.folder() / new_id()
    stray.mkdir(parents=True)
    worker.stop.set()
    worker.run()
    assert not stray.exists()
