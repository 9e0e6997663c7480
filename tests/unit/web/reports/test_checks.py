"""Recordings are verified in the background: in pieces, again after a restart, while they grow, and when asked."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import actor_for
from tests.unit.web.reports.test_reports import ALL, PLAY, START, make_session, record, verify_all

from farhand.recording.index import Index
from farhand.web.events.models import AuditRow
from farhand.web.jobs.models import Job
from farhand.web.project.service import Refused, now_ms
from farhand.web.reports import checks, files, recordings, services
from farhand.web.reports.models import DONE, DUE, OPEN, RUNNING, RecordingCheck
from farhand.web.support.models import Session
from farhand.web.support.worker_services import LATE_KEYS_MS

pytestmark = pytest.mark.django_db
LATER = START + 86_400_000


@pytest.fixture
def session(make_user: Any, settings: Any) -> Session:
    return make_session(make_user("owner", "perm_support_allowed"))


def state(session: Session) -> str:
    return RecordingCheck.objects.get(session=session).state


def test_a_pass_in_pieces_goes_on_after_a_restart(
    session: Session, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(session, settings.FARHAND_DATA)
    monkeypatch.setattr(checks, "PIECE", 700)
    monkeypatch.setattr(checks, "KEEP_BYTES", 500)
    monkeypatch.setattr(checks, "SAVE_S", 0.0)
    offsets: list[int] = []
    for _ in range(100):
        if not checks.Checker().step(LATER, 0.0001):
            break
        row = RecordingCheck.objects.get(session=session)
        offsets.append(row.offset)
        assert row.state in (RUNNING, DONE)
    assert state(session) == DONE
    assert offsets == sorted(set(offsets))
    assert len(offsets) >= 3
    (segment,) = recordings.of_session(session).segments
    assert (segment.check.findings.closed, segment.check.findings.verified_ms) == (True, 8000)
    # The index is kept, the state of the pass is not any more.
    kept = Index.load(files.read_kept(session.id, "1.index"))
    assert list(kept) == list(Index.build(path.read_bytes()))
    assert files.read_kept(session.id, "1.pass") == b""


def test_the_end_of_a_pass_is_audited_and_previews_are_made_once(session: Session, settings: Any) -> None:
    record(session, settings.FARHAND_DATA)
    record(session, settings.FARHAND_DATA, segment=2, started_ms=START + 20_000)
    verify_all()
    rows = AuditRow.objects.filter(action="reports.check.finish")
    assert [row.fields["damaged_second"] for row in rows] == [None, None]
    assert Job.objects.filter(kind=services.PREVIEWS).count() == 1
    verify_all()
    assert rows.count() == 2


def test_a_recording_that_grows_is_open_until_its_session_is_over(session: Session, settings: Any) -> None:
    Session.objects.update(state="active", ended_ms=None)
    session.refresh_from_db()
    path = record(session, settings.FARHAND_DATA, close=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    verify_all(START + 5_000)
    assert state(session) == OPEN
    (half,) = recordings.of_session(session).segments
    assert half.known
    path.write_bytes(whole)
    verify_all(START + 6_000)
    (soon,) = recordings.of_session(session).segments
    assert (soon.check.findings, soon.known) == (half.check.findings, True)
    verify_all(now_ms() + 60_000)
    (more,) = recordings.of_session(session).segments
    assert more.check.findings.verified_ms > half.check.findings.verified_ms
    Session.objects.update(state="ended", ended_ms=START + 9_000)
    verify_all(LATER)
    assert state(session) == DONE


def pages(viewer: Any, session: Session) -> str:
    """What the report says of the verification: as the page is opened, and as it renews itself."""
    page = str(viewer.get(f"/login/reports/support/{session.id}").content.decode())
    part = str(viewer.get(f"/reports/{session.id}/progress.html").content.decode())
    assert part.split('<div class="message')[1].split("</div>")[0] in page
    return part


def gaps(viewer: Any, session: Session) -> list[str]:
    """What the player marks."""
    return [gap["what"] for gap in viewer.get(f"/reports/{session.id}/screen/index.json").json()["gaps"]]


def test_a_recording_that_ran_on_after_it_was_verified_is_not_told_as_cut_off(
    session: Session, settings: Any, make_user: Any, sign_in: Any
) -> None:
    viewer = sign_in(make_user("auditor", ALL, PLAY))
    path = record(session, settings.FARHAND_DATA)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    Session.objects.update(state="active", ended_ms=None)
    verify_all(START + 5_000)
    assert state(session) == OPEN
    for content in (whole[: len(whole) // 2], whole):
        path.write_bytes(content)
        page = pages(viewer, session)
        assert "without gaps" in page
        assert 'data-running=""' in page
        assert gaps(viewer, session) == []
    # The session is over, and its end has not been verified yet: the page asks again by itself.
    Session.objects.update(state="ended", ended_ms=START + 9_000)
    for content in (whole[: len(whole) // 2], whole):
        path.write_bytes(content)
        page = pages(viewer, session)
        assert "The recording is being verified" in page
        assert "cut off" not in page
        assert 'data-running="1"' in page
        assert gaps(viewer, session) == []
    verify_all(START + 10_000)
    assert state(session) == DONE
    assert "Verified to 0:00:08, without gaps." in pages(viewer, session)
    assert gaps(viewer, session) == []


def test_a_real_cut_is_told_with_its_second_once_nobody_writes_any_more(
    session: Session, settings: Any, make_user: Any, sign_in: Any
) -> None:
    viewer = sign_in(make_user("auditor", ALL, PLAY))
    record(session, settings.FARHAND_DATA, close=False)
    Session.objects.update(state="active", ended_ms=None)
    verify_all(START + 10_000)
    Session.objects.update(state="ended", ended_ms=START + 11_000)
    verify_all(START + 12_000)
    assert state(session) == OPEN
    assert "The recording is being verified" in pages(viewer, session)
    verify_all(START + 11_000 + LATE_KEYS_MS + 1)
    page = pages(viewer, session)
    assert "Verified to 0:00:07; see what was found." in page
    assert '<span class="mono">0:00:07</span> The recording was cut off here' in page
    assert gaps(viewer, session) == ["cut"]


def test_a_part_that_another_relay_went_on_from_is_told_as_cut_off_only_as_it_was_verified(
    session: Session, settings: Any, make_user: Any, sign_in: Any
) -> None:
    viewer = sign_in(make_user("auditor", ALL, PLAY))
    path = record(session, settings.FARHAND_DATA)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    Session.objects.update(state="active", ended_ms=None)
    verify_all(START + 5_000)
    path.write_bytes(whole)
    record(session, settings.FARHAND_DATA, segment=2, started_ms=START + 20_000, close=False)
    verify_all(START + 25_000)
    page = pages(viewer, session)
    assert "The recording is being verified" in page
    assert "cut off" not in page
    path.write_bytes(whole[: len(whole) // 2])
    verify_all(now_ms() + 60_000)
    page = pages(viewer, session)
    assert '<span class="mono">0:00:02–0:00:20</span> The recording was cut off here' in page
    assert gaps(viewer, session) == ["cut"]
    path.write_bytes(whole)
    verify_all(now_ms() + 120_000)
    assert "Verified to 0:00:27, without gaps." in pages(viewer, session)


def test_somebody_may_ask_for_a_fresh_pass_and_sees_that_a_file_has_changed(
    session: Session, settings: Any, make_user: Any, sign_in: Any
) -> None:
    path = record(session, settings.FARHAND_DATA)
    verify_all()
    viewer = sign_in(make_user("auditor", ALL, PLAY))
    address = f"/login/reports/support/{session.id}"
    assert "without gaps" in viewer.get(address).content.decode()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    assert "have changed since they were verified" in viewer.get(address).content.decode()
    assert viewer.post(f"{address}/verify").status_code == 302
    assert state(session) == DUE
    page = viewer.get(f"/reports/{session.id}/progress.html").content.decode()
    assert "The recording is being verified: 0 %." in page
    verify_all()
    page = viewer.get(f"/reports/{session.id}/progress.html").content.decode()
    assert "The first damaged second is 0:00:0" in page
    row = AuditRow.objects.filter(action="reports.check.finish").last()
    assert row is not None
    assert row.fields["damaged_second"] is not None
    with pytest.raises(Refused):
        services.verify_again(actor_for(make_user("reader", ALL)), session_id=session.id)


def test_what_is_kept_and_does_not_fit_is_made_again(session: Session, settings: Any) -> None:
    path = record(session, settings.FARHAND_DATA)
    other = make_session(session.owner)
    foreign = record(other, settings.FARHAND_DATA)
    for wrong in (b"garbage", Index.build(foreign.read_bytes()).dump()):
        files.keep(session.id, "1.index", wrong)
        files.index_of.cache_clear()
        stamp = files.stamp_of(session.id, 1)
        assert stamp is not None
        index = files.index_of(stamp)
        assert index is not None
        assert list(index) == list(Index.build(path.read_bytes()))


def test_a_full_disk_stops_no_verification(session: Session, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record(session, settings.FARHAND_DATA)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "keep", full)
    verify_all()
    assert state(session) == DONE


def test_a_file_that_goes_while_it_is_read_is_a_finding_in_the_end(session: Session, settings: Any) -> None:
    path = record(session, settings.FARHAND_DATA)
    checker = checks.Checker()
    checker._look(LATER)
    assert checker._begin(LATER)
    Path(path).unlink()
    while checker.step(LATER):
        pass
    verify_all(LATER + 600_000)
    assert state(session) == DONE
    assert not recordings.of_session(session).exists
