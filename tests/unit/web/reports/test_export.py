"""A screen recording becomes a video that any player reads; thumbnails and entered lines are made beside it."""

import io
import struct
from pathlib import Path
from typing import Any

import av
import pytest
from tests.unit.recording.made import SCREEN, SHELL
from tests.unit.web.conftest import actor_for
from tests.unit.web.reports.test_reports import ALL, PLAY, START, make_session, record, verify_all

from farhand.kit.stop import Stop
from farhand.protocol.channels import Screen, Shell
from farhand.recording.picture import RECT_HEAD, UPDATE_HEAD
from farhand.web.events.models import AuditRow
from farhand.web.jobs.models import CANCELLED, DONE, FAILED, Job
from farhand.web.jobs.runner import Runner
from farhand.web.project.service import Conflict, Invalid, Refused
from farhand.web.reports import export, previews, services, thumbnails
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
WIDTH, HEIGHT = 322, 200


def update(colour: int, *, key: bool = False) -> bytes:
    head = UPDATE_HEAD.pack(1, 0, 3 if key else 0, 0, 1)
    return head + RECT_HEAD.pack(0, 0, WIDTH, HEIGHT, 1, 0, 0, 4) + struct.pack("<I", colour)


def coloured() -> list[tuple[int, int, int, bytes, bool]]:
    """Red for three seconds, then green, then blue."""
    started = (0, SCREEN, int(Screen.STARTED), b'{"width":%d,"height":%d}' % (WIDTH, HEIGHT), False)
    pictures = [(at, SCREEN, int(Screen.UPDATE), update(colour, key=True), True)
                for at, colour in ((10, 0xFF0000), (3000, 0x00FF00), (6000, 0x0000FF))]  # fmt: skip
    return [started, *pictures]


def shell() -> list[tuple[int, int, int, bytes]]:
    """A shell in which one line is entered."""
    frames, at = [(0, SHELL, int(Shell.OPENED), b'{"shell":1,"cols":80,"rows":24}')], 0
    for time, raw in ((300, b"$ "), (500, b"ls "), (700, b"-l"), (900, b"\r\n"), (910, b"total 0\r\n$ ")):
        frames.append((time, SHELL, int(Shell.DATA), at.to_bytes(8, "little") + raw))
        at += len(raw)
    return frames


@pytest.fixture
def owner(make_user: Any) -> Any:
    return make_user("auditor", ALL, PLAY)


@pytest.fixture
def session(make_user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session whose screen and shell were recorded."""
    made = make_session(make_user("rep", "perm_support_allowed"))
    monkeypatch.setattr("tests.unit.web.reports.test_reports.screen_frames", lambda seconds: coloured())
    monkeypatch.setattr("tests.unit.web.reports.test_reports.shell_frames", shell)
    record(made, settings.FARHAND_DATA)
    return made


def work() -> None:
    runner = Runner(Stop())
    while runner.once():
        pass


def colours(raw: bytes) -> list[tuple[float, str]]:
    """Time and nearest colour of each picture of a video."""
    found = []
    with av.open(io.BytesIO(raw)) as video:
        for frame in video.decode(video=0):
            middle = frame.to_ndarray(format="rgb24")[HEIGHT // 4, WIDTH // 4].tolist()
            name = "black" if max(middle) < 60 else ("red", "green", "blue")[middle.index(max(middle))]
            found.append((round(float(frame.time or 0), 1), name))
    return found


@pytest.mark.parametrize("form", services.FORMATS)
def test_a_recording_is_exported_in_the_background(session: Session, owner: Any, sign_in: Any, form: str) -> None:
    browser = sign_in(owner)
    address = f"/login/reports/support/{session.id}"
    values = {"form": form, "height": "0"}
    assert browser.post(f"{address}/export", values)["Location"] == f"{address}#export"
    row = AuditRow.objects.get(action="reports.recording.export")
    assert (row.outcome, row.fields["form"]) == ("done", form)
    job = Job.objects.get(kind=services.EXPORT)
    page = browser.get(f"/reports/{session.id}/progress.html").content.decode()
    assert f'data-export="{job.id}" data-state="waiting"' in page
    work()
    job.refresh_from_db()
    assert (job.state, job.error) == (DONE, "")
    page = browser.get(address).content.decode()
    assert "Download video" in page
    answer = browser.get(f"/reports/{session.id}/video/{job.id}/{job.file_name}")
    assert answer["Content-Type"] == f"video/{form}"
    assert answer["Content-Disposition"].startswith("attachment")
    shown = colours(b"".join(answer.streaming_content))
    assert shown[0] == (0.0, "red")
    assert {(3.0, "green"), (6.0, "blue")} <= set(shown)
    assert {name for at, name in shown if at < 2.9} == {"red"}
    said = AuditRow.objects.filter(action="reports.recording.view").last()
    assert said is not None
    assert said.fields["what"] == f"export {form}"
    # It is this person's alone.
    assert browser.get(f"/reports/{session.id}/video/{job.id}/other.{form}").status_code == 404


def test_a_video_is_for_who_asked_for_it_and_may_still_view_it(
    session: Session, owner: Any, make_user: Any, sign_in: Any
) -> None:
    job_id = services.start_export(actor_for(owner), session_id=session.id, form="webm", height=480, skip_idle=True)
    owner.permissions = []
    owner.save()
    work()
    job = Job.objects.get(id=job_id)
    assert (job.state, job.error) == (FAILED, export.NOT_ALLOWED)
    other = sign_in(make_user("other", ALL, PLAY))
    assert other.get(f"/reports/{session.id}/video/{job.id}/session-{session.id}.webm").status_code == 404
    reader = make_user("reader", ALL)
    with pytest.raises(Refused):
        services.start_export(actor_for(reader), session_id=session.id, form="webm", height=0, skip_idle=False)
    assert (
        sign_in(reader).post(f"/login/reports/support/{session.id}/export", {"form": "webm", "height": "0"}).status_code
        == 403
    )


def test_what_cannot_be_exported_is_refused(session: Session, owner: Any, settings: Any, sign_in: Any) -> None:
    actor = actor_for(owner)
    with pytest.raises(Invalid):
        services.start_export(actor, session_id=session.id, form="avi", height=0, skip_idle=False)
    with pytest.raises(Invalid):
        services.start_export(actor, session_id=session.id, form="webm", height=99, skip_idle=False)
    browser = sign_in(owner)
    page = browser.post(f"/login/reports/support/{session.id}/export", {"form": "avi", "height": "x"}, follow=True)
    assert "Choose one of the formats and sizes." in page.content.decode()
    Session.objects.update(ended_ms=None)
    with pytest.raises(Conflict):
        services.start_export(actor, session_id=session.id, form="webm", height=0, skip_idle=False)
    Session.objects.update(ended_ms=START + 1)
    Path(settings.FARHAND_DATA, "relay", "recordings", session.id, "1.fhr").unlink()
    job_id = services.start_export(actor, session_id=session.id, form="webm", height=0, skip_idle=False)
    work()
    job = Job.objects.get(id=job_id)
    assert (job.state, job.error) == (FAILED, export.NO_SCREEN)


def test_an_export_is_cancelled_on_the_page(session: Session, owner: Any, sign_in: Any) -> None:
    job_id = services.start_export(actor_for(owner), session_id=session.id, form="webm", height=0, skip_idle=False)
    answer = sign_in(owner).post(f"/login/reports/support/{session.id}/exports/{job_id}/cancel")
    assert answer.status_code == 302
    assert Job.objects.get(id=job_id).state == CANCELLED


@pytest.mark.parametrize(
    ("canvas", "height", "size"),
    [
        ((1920, 1080), 0, (1920, 1080)),
        ((1920, 1080), 720, (1280, 720)),
        ((640, 480), 1080, (640, 480)),
        ((1366, 767), 0, (1366, 766)),
        ((7680, 2160), 0, (4096, 1152)),
        ((3, 3), 480, (2, 2)),
    ],
)
def test_videos_have_even_sides_and_are_never_enlarged(
    canvas: tuple[int, int], height: int, size: tuple[int, int]
) -> None:
    assert export.fitted(canvas, height) == size


def test_thumbnails_and_entered_lines_are_made_when_a_recording_is_complete(
    session: Session, owner: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "EVERY_MS", 1000)
    browser = sign_in(owner)
    view = {"view": browser.get(f"/reports/{session.id}/screen/index.json").json()["view"]}
    early = browser.get(f"/reports/{session.id}/screen/thumbnails.json", view)
    assert early.json() == {"made": False, "times_ms": []}
    verify_all()
    work()
    assert Job.objects.get(kind=services.PREVIEWS).state == DONE
    found = previews.load(session.id)
    assert [one.at_ms - START for one in found.thumbnails] == [10, 3000, 6000]
    times = browser.get(f"/reports/{session.id}/screen/thumbnails.json", view)
    assert times.json() == {"made": True, "times_ms": [10, 3000, 6000]}
    assert browser.get(f"/reports/{session.id}/screen/thumbnails.json").status_code == 403
    answer = browser.get(f"/reports/{session.id}/screen/thumbnails/1.jpg", view)
    assert answer["Content-Type"] == "image/jpeg"
    with av.open(io.BytesIO(answer.content)) as image:
        picture = next(image.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape[0] <= thumbnails.HEIGHT
    assert picture[20, 20].argmax() == 1
    assert browser.get(f"/reports/{session.id}/screen/thumbnails/3.jpg", view).status_code == 404
    assert browser.get(f"/reports/{session.id}/screen/thumbnails/1.jpg").status_code == 403
    # What somebody entered in the shell is a place to jump to.
    events = browser.get(f"/reports/{session.id}/screen/events.json", {"show": "command", **view}).json()["events"]
    assert events == [{"t_ms": 900, "group": "command", "by": "Command Shell 1", "text": "ls -l"}]
    # They are sealed: they show what the recording shows.
    assert b"ls -l" not in previews.files.read_kept(session.id, previews.NAME)
