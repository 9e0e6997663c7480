"""Recordings and reports are kept as long as the site says, and what is gone is told."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.reports.test_reports import ALL, PLAY, START, add_event, history, make_session, record, verify_all

from farhand.kit.ids import new_id
from farhand.protocol.bus import FilesRemove
from farhand.web.appliance import services as appliance
from farhand.web.events.models import AuditRow
from farhand.web.jobs.models import Job
from farhand.web.jobs.services import folder as jobs_folder
from farhand.web.project.service import SYSTEM, Invalid, now_ms
from farhand.web.reports import files, previews, recordings, retention
from farhand.web.reports.models import RecordingCheck, RemovedRecording
from farhand.web.reports.retention import Remover
from farhand.web.support.models import RecordingSegment, Session, SessionEvent

pytestmark = pytest.mark.django_db(transaction=True)
DAY_MS = 86_400_000


@pytest.fixture
def owner(make_user: Any) -> Any:
    return make_user("owner", "perm_support_allowed")


def keep(recording_days: int, report_days: int = 3650) -> None:
    appliance.edit_security(SYSTEM, web_console=True, recording_days=recording_days, report_days=report_days)


def ended(owner: Any, days_ago: float) -> Session:
    """A session that ended so many days ago."""
    at = now_ms() - round(days_ago * DAY_MS)
    session = make_session(owner, created_ms=at - 95_000)
    add_event(session, 1, "chat", text="Hello", name="Customer")
    add_event(session, 2, "shell-opened", by="Rep", shell=1, open=1)
    return session


def asked(relay_bus: Any) -> list[tuple[str, bool]]:
    """What the relay was asked to remove."""
    return [(m.session_id, m.journal) for m in relay_bus.sent if isinstance(m, FilesRemove)]


def test_a_recording_goes_when_its_time_is_over_and_its_report_says_so(
    owner: Any, settings: Any, relay_bus: Any, make_user: Any, sign_in: Any
) -> None:
    old, young = ended(owner, 30.1), ended(owner, 29.9)
    for session in (old, young):
        record(session, settings.FARHAND_DATA, started_ms=session.created_ms)
    verify_all(now_ms() + DAY_MS)
    previews.store(old.id, previews.Previews(thumbnails=[previews.Thumbnail(at_ms=START, jpeg=b"jpeg")]))
    done = Job.objects.create(
        kind="recording-export", subject=f"session:{old.id}", created_ms=1, state="done", file_name="a"
    )
    waits = Job.objects.create(kind="recording-export", subject=f"session:{old.id}", created_ms=1, state="waiting")
    (jobs_folder() / done.id).mkdir(parents=True)
    keep(30)
    assert Remover().step(now_ms()) == 1
    assert asked(relay_bus) == [(old.id, False)]
    assert not RecordingSegment.objects.filter(session=old).exists()
    assert not RecordingCheck.objects.filter(session=old).exists()
    assert not files.kept_path(old.id, "").exists()
    assert previews.load(old.id) is previews.NONE
    assert not (jobs_folder() / done.id).exists()
    assert set(Job.objects.filter(id__in=[done.id, waits.id]).values_list("state", flat=True)) == {
        "expired",
        "cancelled",
    }
    row = AuditRow.objects.get(action="reports.recording.expire")
    assert (row.subject, row.object, row.fields["days"], row.fields["segments"]) == (
        "system",
        f"session:{old.id}",
        30,
        1,
    )
    assert row.fields["bytes"] > 1000
    browser = sign_in(make_user("auditor", ALL, PLAY))
    page = browser.get(f"/login/reports/support/{old.id}").content.decode()
    day = retention.queries.moment(now_ms()).strftime("%Y-%m-%d")
    assert f"The recording of this session was removed on {day}: recordings are kept for 30 days." in page
    assert "not recorded" not in page
    assert "Hello" in page
    other = browser.get(f"/login/reports/support/{young.id}").content.decode()
    assert "without gaps" in other
    assert recordings.of_session(young).exists


def test_the_relay_is_asked_again_until_the_files_are_gone(owner: Any, settings: Any, relay_bus: Any) -> None:
    session = ended(owner, 3)
    path = record(session, settings.FARHAND_DATA, started_ms=session.created_ms)
    keep(2)
    remover = Remover()
    assert remover.step(now_ms()) == 1
    assert remover.step(now_ms()) == 0
    assert asked(relay_bus) == [(session.id, False)] * 2
    shutil.rmtree(path.parent)
    remover.step(now_ms())
    assert len(asked(relay_bus)) == 2
    assert RemovedRecording.objects.get().days == 2
    assert AuditRow.objects.filter(action="reports.recording.expire").count() == 1


def test_a_report_goes_with_everything(owner: Any, settings: Any, relay_bus: Any, make_user: Any, sign_in: Any) -> None:
    old, without, young = ended(owner, 11), ended(owner, 11), ended(owner, 9)
    alive = ended(owner, 11)
    Session.objects.filter(id=alive.id).update(state="active", ended_ms=None)
    record(old, settings.FARHAND_DATA, started_ms=old.created_ms)
    files.keep(old.id, "previews", b"x")
    keep(10, 10)
    assert Remover().step(now_ms()) == 2
    assert sorted(asked(relay_bus)) == sorted([(old.id, True), (without.id, True)])
    assert set(Session.objects.values_list("id", flat=True)) == {young.id, alive.id}
    assert not SessionEvent.objects.filter(session_id=old.id).exists()
    assert not files.kept_path(old.id, "").exists()
    rows = AuditRow.objects.filter(action="reports.session.expire")
    assert {row.object for row in rows} == {f"session:{old.id}", f"session:{without.id}"}
    assert all(set(row.fields) == {"days", "ended_ms", "bytes"} for row in rows)
    browser = sign_in(make_user("auditor", ALL, PLAY))
    assert browser.get(f"/login/reports/support/{old.id}").status_code == 404
    assert browser.get(f"/login/reports/support/{young.id}").status_code == 200


def test_where_the_disk_is_away_nothing_is_said_to_be_removed(owner: Any, settings: Any, relay_bus: Any) -> None:
    session = ended(owner, 3)
    record(session, settings.FARHAND_DATA, started_ms=session.created_ms)
    disk = Path(settings.FARHAND_DATA) / "relay" / "recordings"
    disk.rename(Path(settings.FARHAND_DATA) / "elsewhere")
    keep(2)
    assert Remover().step(now_ms()) == 0
    disk.mkdir()
    assert Remover().step(now_ms()) == 0
    assert asked(relay_bus) == []
    assert retention.removed(session.id) is None


def test_what_no_report_tells_of_goes_by_the_time_of_its_id(settings: Any, relay_bus: Any) -> None:
    disk = Path(settings.FARHAND_DATA) / "relay" / "recordings"
    old = "01900000-0000-7000-8000-000000000000"
    for name in (old, new_id(), "lost+found"):
        (disk / name).mkdir(parents=True)
    Remover().step(now_ms())
    assert asked(relay_bus) == [(old, True)]


def journal_of(settings: Any, session_id: str, days_ago: float, kind: str = ".fhj") -> Path:
    """A journal that was last written so many days ago."""
    path = Path(settings.FARHAND_DATA) / "relay" / "journal" / f"{session_id}{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"what was said")
    at = now_ms() / 1000 - days_ago * DAY_MS / 1000
    os.utime(path, (at, at))
    return path


def test_the_relay_is_asked_again_for_journals_that_no_report_tells_of(
    owner: Any, settings: Any, relay_bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(5, 10)
    gone, aside, young, known = new_id(), new_id(), new_id(), ended(owner, 9)
    for name, days in ((gone, 11), (young, 9), (known.id, 11), ("notes", 11)):
        journal_of(settings, name, days)
    journal_of(settings, aside, 11, ".fhj.damaged")
    remover = Remover()
    remover.step(now_ms())
    assert sorted(asked(relay_bus)) == sorted([(gone, True), (aside, True)])
    journal_of(settings, aside, 11, ".fhj.damaged").unlink()
    remover.step(now_ms())
    assert asked(relay_bus)[2:] == [(gone, True)], "until it is gone"
    monkeypatch.setattr(retention, "MOST", 2)
    many = sorted(new_id() for _ in range(5))
    for name in many:
        journal_of(settings, name, 11)
    for _ in range(3):
        remover.step(now_ms())
    assert {name for name, _ in asked(relay_bus)[3:]} == {gone, *many}, "each gets its turn"


def test_a_step_removes_so_many_and_goes_on(
    owner: Any, settings: Any, relay_bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    monkeypatch.setattr(retention, "MOST", 2)
    for _ in range(5):
        session = ended(owner, 3)
        record(session, settings.FARHAND_DATA, started_ms=session.created_ms)
    keep(2)
    remover = Remover()
    found = [remover.step(now_ms()) for _ in range(8)]
    assert sum(found) == 5
    assert max(found) == 2


def test_days_are_bounded_and_a_recording_is_not_kept_longer_than_its_report(make_user: Any, sign_in: Any) -> None:
    for wrong in ({"recording_days": 0}, {"report_days": 3651}, {"recording_days": 50, "report_days": 40}):
        with pytest.raises(Invalid):
            appliance.edit_security(SYSTEM, web_console=True, **wrong)
    keep(40, 40)
    appliance.edit_security(SYSTEM, web_console=True)
    row = AuditRow.objects.filter(action="appliance.security.edit").order_by("sequence").last()
    assert row is not None
    assert row.fields["recording_days"] == {"from": 40, "to": 40}
    browser = sign_in(make_user("root", "perm_admin"))
    page = browser.get("/login/management/security").content.decode()
    assert "Days to Keep Recordings" in page
    assert 'value="40"' in page
    wrong_days = {"web_console": "on", "recording_days": "41", "report_days": "40"}
    answer = browser.post("/login/management/security", wrong_days)
    assert answer.status_code == 400
    assert "A recording goes with its report" in answer.content.decode()
    right = {"web_console": "on", "recording_days": "30", "report_days": "60"}
    assert browser.post("/login/management/security", right).status_code == 302
    assert (retention.recording_days(), retention.report_days()) == (30, 60)


def test_history_of_a_removal_is_history(owner: Any, settings: Any) -> None:
    session = ended(owner, 3)
    RemovedRecording.objects.create(**history(), session=session, removed_ms=1, days=2, size=3)
    record(session, settings.FARHAND_DATA, started_ms=session.created_ms)
    assert retention.expire_recording(SYSTEM, session_id=session.id, days=2)
    assert RemovedRecording.objects.get().removed_ms == 1
