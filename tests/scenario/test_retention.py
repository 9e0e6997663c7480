"""Recordings and reports go when the days are over that the site keeps them, and the report says so."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, item_named, new_jump_client
from tests.harness.console import Console, LiveSession

NAME = "kept for days"
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def client(appliance: Appliance, console: Console, machines: Path) -> Iterator[JumpClient]:
    """A Jump Client of this module."""
    running = new_jump_client(appliance, console.visitor, machines, NAME)
    yield running
    running.stop()


def recorded(console: Console) -> LiveSession:
    """A session with a shell, that is over and verified."""
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; echo seen-$((40+2))\r")
    live.wait_output(shell, "seen-42", 40)
    live.end()
    item_named(console, NAME, within=60)
    wait_for(lambda: "without gaps" in report(console, live), 120, "the whole recording verified")
    return live


def report(console: Console, live: LiveSession) -> str:
    """The report's page."""
    return console.visitor.get(f"/login/reports/support/{live.id}").text


def age(appliance: Appliance, live: LiveSession, days: int) -> None:
    """Let a session have been so many days ago."""
    with sqlite3.connect(appliance.data / "db.sqlite3", timeout=20) as database:
        database.execute(
            "UPDATE support_session SET created_ms = created_ms - ?, started_ms = started_ms - ?,"
            " ended_ms = ended_ms - ? WHERE id = ?",
            (days * DAY_MS, days * DAY_MS, days * DAY_MS, live.id),
        )


@pytest.mark.long
def test_recordings_and_reports_are_kept_as_long_as_the_site_says(
    client: JumpClient, console: Console, appliance: Appliance
) -> None:
    switches = {"web_console": "on", "clipboard": "on", "shell_recording": "on"}
    days = {"recording_days": "30", "report_days": "60"}
    assert console.visitor.submit("/login/management/security", {**switches, **days}).status == 200
    old, young = recorded(console), recorded(console)
    files = appliance.data / "relay" / "recordings"
    journals = appliance.data / "relay" / "journal"
    age(appliance, old, 31)
    age(appliance, young, 29)
    wait_for(lambda: not (files / old.id).exists(), 180, "the old recording removed")
    said = report(console, old)
    assert "The recording of this session was removed on" in said
    assert "recordings are kept for 30 days" in said
    assert console.visitor.get(f"/reports/{old.id}/shell/1.txt").status == 404
    assert (journals / f"{old.id}.fhj").exists(), "the report is still there"
    assert "without gaps" in report(console, young)

    age(appliance, old, 30)
    wait_for(lambda: not (journals / f"{old.id}.fhj").exists(), 180, "the old journal removed")
    assert console.visitor.get(f"/login/reports/support/{old.id}").status == 404
    assert (files / young.id).exists()
    with sqlite3.connect(appliance.data / "db.sqlite3", timeout=20) as database:
        query = "SELECT action FROM events_auditrow WHERE object = ? ORDER BY time_ms"
        found = [action for (action,) in database.execute(query, (f"session:{old.id}",)) if action.endswith("expire")]
    assert found == ["reports.recording.expire", "reports.session.expire"]
