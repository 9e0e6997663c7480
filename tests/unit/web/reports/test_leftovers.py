"""What was made of a recording goes with it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.reports.test_reports import make_session, record

from farhand.web.project.service import now_ms
from farhand.web.reports import files, leftovers
from farhand.web.reports.leftovers import UNTOUCHED_S, Sweeper

pytestmark = pytest.mark.django_db
LATER_MS = round((UNTOUCHED_S + 60) * 1000)


def test_what_was_made_goes_with_its_recording(make_user: Any, settings: Any) -> None:
    session = make_session(make_user("owner", "perm_support_allowed"))
    record(session, settings.FARHAND_DATA)
    files.keep(session.id, "previews", b"pictures")
    folder = files.kept_path(session.id, "previews").parent
    torn = folder / ".previews.0123456789ab"
    torn.write_bytes(b"half")
    other = Path(settings.FARHAND_DATA) / "relay" / "recordings" / "other"
    other.mkdir()
    sweeper = Sweeper()
    assert sweeper.step(now_ms() + LATER_MS) == 0
    assert files.read_kept(session.id, "previews") == b"pictures"
    assert not torn.exists()
    shutil.rmtree(Path(settings.FARHAND_DATA) / "relay" / "recordings" / session.id)
    assert sweeper.step(now_ms()) == 0, "a job may be about to fill it"
    assert sweeper.step(now_ms() + LATER_MS) == 1
    assert not folder.exists()


@pytest.mark.parametrize("left", ["empty", "nothing", "no folder"])
def test_a_disk_that_is_not_mounted_removes_nothing(make_user: Any, settings: Any, left: str) -> None:
    session = make_session(make_user("owner", "perm_support_allowed"))
    record(session, settings.FARHAND_DATA)
    files.keep(session.id, "previews", b"pictures")
    files.keep("gone", "previews", b"pictures")
    disk = Path(settings.FARHAND_DATA) / "relay" / "recordings"
    disk.rename(Path(settings.FARHAND_DATA) / "elsewhere")
    if left == "empty":
        disk.mkdir()
    elif left == "no folder":
        disk.write_bytes(b"")
    assert Sweeper().step(now_ms() + LATER_MS) == 1
    assert files.read_kept(session.id, "previews") == b"pictures"
    assert not files.kept_path("gone", "previews").exists(), "there is no session that could have recorded it"


def test_what_was_made_goes_with_its_report(make_user: Any, settings: Any) -> None:
    session = make_session(make_user("owner", "perm_support_allowed"))
    record(session, settings.FARHAND_DATA)
    files.keep(session.id, "previews", b"pictures")
    outside = Path(settings.FARHAND_DATA) / "elsewhere"
    outside.mkdir()
    (Path(settings.FARHAND_DATA) / "reports" / "link").symlink_to(outside)
    identifier = session.id
    session.events.all().delete()
    session.legs.all().delete()
    session.delete()
    assert Sweeper().step(now_ms() + LATER_MS) == 1
    assert os.listdir(Path(settings.FARHAND_DATA) / "reports") == ["link"]
    assert outside.exists()
    assert not files.kept_path(identifier, "previews").exists()


def test_a_step_looks_at_so_many_and_goes_on(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "AT_ONCE", 3)
    for number in range(7):
        files.keep(f"gone-{number}", "previews", b"x")
    sweeper = Sweeper()
    assert [sweeper.step(now_ms() + LATER_MS) for _ in range(4)] == [3, 3, 1, 0]
