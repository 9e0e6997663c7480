"""Reports show what happened to those who may see it, and play recordings that the real writer made."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.recording.made import screen_frames, shell_frames
from tests.unit.web.conftest import actor_for

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.channels import Shell
from farhand.recording import format as form
from farhand.recording import keys as recording_keys
from farhand.recording.reader import PlayedFrame, split_frames
from farhand.recording.writer import SegmentWriter
from farhand.rules.access import decide
from farhand.web.accounts.models import Team, TeamMember
from farhand.web.events.models import AuditRow
from farhand.web.jump.models import JumpGroup, JumpGroupMember
from farhand.web.reports import player, queries, recordings, transcripts, views
from farhand.web.reports.checks import Checker
from farhand.web.support.models import Leg, RecordingSegment, Session, SessionEvent

START = 1_750_000_000_000
ALL = "perm_view_support_reports.all_sessions"
PLAY = "perm_view_sd_recordings"

pytestmark = pytest.mark.django_db
_sequence = iter(range(1, 1_000_000))


def history() -> dict[str, Any]:
    return {"origin": "0" * 36, "sequence": next(_sequence)}


def make_session(
    owner: Any, *, kind: str = "support", created_ms: int = START, group: str = "", name: str = "web-01"
) -> Session:
    session = Session.objects.create(
        **history(), kind=kind, state="ended", owner=owner, creator=owner, name=name, hostname="web-01.example",
        jump_group_id=group,
        created_ms=created_ms, started_ms=created_ms, ended_ms=created_ms + 95_000, end_reason="ended",
    )  # fmt: skip
    Leg.objects.create(
        **history(),
        session=session,
        number=1,
        party=1,
        subject="customer:x",
        name="Customer",
        grants=0,
        created_ms=created_ms,
    )
    Leg.objects.create(
        **history(), session=session, number=2, party=2, subject=f"user:{owner.id}", name=owner.display_name,
        user_id=owner.id,
        grants=0, created_ms=created_ms, left_ms=created_ms + 90_000,
    )  # fmt: skip
    return session


def add_event(
    session: Session, seq: int, kind: str, *, source: str = "relay", text: str = "", name: str = "Rep", **data: Any
) -> None:
    SessionEvent.objects.create(
        **history(), session=session, source=source, seq=seq, time_ms=session.created_ms + seq * 1000, kind=kind,
        text=text, name=name, data=data,
    )  # fmt: skip


def record(
    session: Session, data_folder: Path, *, segment: int = 1, started_ms: int = START, close: bool = True
) -> Path:
    """Write a segment with eight seconds of screen and one shell, as the relay does."""
    from farhand.web.appliance import keys

    sign_key, data_key = signing.new_key(), recording_keys.new_data_key()
    body = form.Certificate(session_id=session.id, segment=segment, key=signing.public_of(sign_key).hex())
    certificate = keys.issue(form.CERTIFICATE_KIND, body)
    wrapped = recording_keys.wrap(keys.recordings_key(), data_key, session.id, segment)
    RecordingSegment.objects.create(
        **history(), session=session, segment=segment, created_ms=started_ms, certificate=certificate, data_key=wrapped
    )
    writer = SegmentWriter(session.id, segment, data_key, sign_key, certificate, wrapped, started_ms)
    frames = [*((t, c, k, p, False) for t, c, k, p in shell_frames()), *screen_frames(8)]
    raw = writer.head()
    for time, channel, kind, payload, key in sorted(frames, key=lambda f: f[0]):
        if writer.add(started_ms + time, channel, kind, payload, key):
            raw += b"".join(writer.cut(started_ms + time))
    raw += b"".join(writer.cut(started_ms + 8000))
    if close:
        raw += b"".join(writer.close(started_ms + 8000, "ended"))
    path = data_folder / "relay" / "recordings" / session.id / f"{segment}.fhr"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


def verify_all(now_ms: int = START + 86_400_000) -> None:
    """Let the worker verify what there is to verify."""
    checker = Checker()
    while checker.step(now_ms):
        pass


@pytest.fixture
def viewer(make_user: Any, sign_in: Any) -> Any:
    """A browser of somebody who may see all reports and play recordings."""
    return sign_in(make_user("auditor", ALL, PLAY))


@pytest.fixture
def owner(make_user: Any) -> Any:
    return make_user("owner", "perm_support_allowed")


@pytest.fixture
def recorded(owner: Any, settings: Any) -> Session:
    session = make_session(owner)
    add_event(session, 1, "leg-joined")
    add_event(session, 2, "chat", text="<b>Hello & welcome</b>", name="Customer")
    add_event(session, 3, "shell-opened", by="Rep", shell=1, open=1)
    add_event(session, 4, "shell-closed", by="Rep", shell=1, open=0)
    add_event(session, 5, "session-ended")
    add_event(session, 1, "ended", source="web", name="Owner")
    record(session, settings.FARHAND_DATA)
    return session


def test_empty_list_says_what_to_do(viewer: Any) -> None:
    page = viewer.get("/login/reports/support")
    assert page.status_code == 200
    assert "Open the console" in page.content.decode()


def test_list_filters_and_pages(viewer: Any, make_user: Any, owner: Any) -> None:
    other = make_user("other", "perm_support_allowed")
    for n in range(51):
        make_session(owner, created_ms=START + n, name=f"host-{n}")
    make_session(other, kind="jump", created_ms=START + 5 * queries.DAY_MS, name="far-away")
    first = viewer.get("/login/reports/support")
    assert len(first.context["page"]) == 50
    assert first.context["page"][0].name == "far-away"
    assert len(viewer.get("/login/reports/support?page=2").context["page"]) == 2

    def names(query: str) -> list[str]:
        return [s.name for s in viewer.get(f"/login/reports/support?{query}").context["page"]]

    assert names("kind=jump") == ["far-away"]
    assert names(f"representative={other.id}") == ["far-away"]
    day = queries.moment(START + 5 * queries.DAY_MS).date()
    assert names(f"since={day}&until={day}") == ["far-away"]
    assert len(names("until=2025-06-15")) == 50
    assert "Choose other days" in viewer.get("/login/reports/support?since=2100-01-01").content.decode()
    for wrong in (
        "since=x",
        "kind=x",
        "representative=x",
        "page=x",
        "since=0001-01-01",
        "since=2030-01-02&until=2030-01-01",
    ):
        assert viewer.get(f"/login/reports/support?{wrong}").status_code == 200


def test_report_tells_who_what_and_chat_as_text(viewer: Any, recorded: Session) -> None:
    verify_all()
    page = viewer.get(f"/login/reports/support/{recorded.id}").content.decode()
    assert "&lt;b&gt;Hello &amp; welcome&lt;/b&gt;" in page
    assert "<b>Hello" not in page
    assert "Rep started to use the Command Shell and opened Command Shell 1. 1 shell is open." in page
    assert "Command Shell 1 was closed, and use of the Command Shell stopped. No shell is open." in page
    assert "Command Shell Session Started" in page
    assert page.count("Session End") == 1
    assert "Verified to 0:00:08, without gaps." in page
    assert "Play Command Shell 1" in page
    assert "Screen Recording" in page
    assert "0:01:35" in page


#
def test_what_the_customer_was_not_shown_is_marked(viewer: Any, recorded: Session) -> None:
    add_event(recorded, 7, "rep-chat", text="Ask for the serial number.", name="Rep")
    verify_all()
    page = viewer.get(f"/login/reports/support/{recorded.id}").content.decode()
    marked, plain = page.index("Ask for the serial number."), page.index("Hello &amp; welcome")
    assert page.count("Not shown to the customer") == 1
    assert plain < page.index("Not shown to the customer") < marked
    view = viewer.get(f"/reports/{recorded.id}/screen/index.json").json()["view"]
    said = viewer.get(f"/reports/{recorded.id}/screen/events.json", {"show": "chat", "view": view}).json()["events"]
    assert [one["by"] for one in said] == ["Customer", "Rep (not shown to the customer)"]


def test_pages_keep_the_strict_policy_and_the_report_may_run_its_decoders(viewer: Any, recorded: Session) -> None:
    policy = viewer.get(f"/login/reports/support/{recorded.id}")["Content-Security-Policy"]
    assert "'wasm-unsafe-eval'" in policy
    assert "'unsafe-" not in policy
    for address in ("/login/reports/support", "/login/status/information", "/", "/login/sign-in"):
        assert "wasm" not in viewer.get(address)["Content-Security-Policy"], address


def test_the_menu_has_the_page_for_those_who_may_open_it(
    viewer: Any, make_user: Any, sign_in: Any, recorded: Session
) -> None:
    from farhand.web.design.menu import menu_for

    def labels(user: Any) -> list[str]:
        sections = menu_for(actor_for(user).subject, "/login/reports/support")
        return [page.path for section in sections for page in section.pages if section.label == "Reports"]

    assert labels(make_user("may", ALL)) == ["/login/reports/support"]
    assert labels(make_user("may-not", "perm_support_allowed")) == []


def test_shell_is_given_out_as_asciicast_and_transcript(viewer: Any, recorded: Session) -> None:
    answer = viewer.get(f"/reports/{recorded.id}/shell/1.cast")
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert lines[0]["version"] == 2
    assert [line[2] for line in lines[1:3]] == ["$ ", "printf h"]
    assert answer["Cache-Control"].startswith("private")
    assert answer["Content-Disposition"].startswith("attachment")
    text = viewer.get(f"/reports/{recorded.id}/shell/1.txt")
    assert b"".join(text.streaming_content).decode() == "$ printf hätte\nhätte\n$ exit\n"
    assert viewer.get(f"/reports/{recorded.id}/shell/2.cast").status_code == 404


def parts_of(answer: Any) -> list[tuple[int, bytes | None]]:
    """The parts of a range: place and frames; None for one that is damaged."""
    raw, found = b"".join(answer.streaming_content), []
    while raw:
        place, length = player.PART.unpack_from(raw)
        size = 0 if length == player.DAMAGED else length
        found.append((place, None if length == player.DAMAGED else raw[8 : 8 + size]))
        raw = raw[8 + size :]
    return found


def test_screen_plays_by_index_and_ranges_and_is_audited(viewer: Any, recorded: Session) -> None:
    index = viewer.get(f"/reports/{recorded.id}/screen/index.json").json()
    assert (index["started_ms"], index["duration_ms"], index["gaps"]) == (START, 8000, [])
    assert index["screens"] == [[0, 640, 480]]
    (segment,) = index["segments"]
    assert list(itertools.accumulate(segment["times"])) == [0, 3000, 6000]
    places = list(itertools.accumulate(segment["places"]))
    view = {"view": index["view"]}
    answer = viewer.get(f"/reports/{recorded.id}/screen/1/{places[1]}-{places[2] - 1}", view)
    assert answer["Cache-Control"].startswith("private")
    parts = parts_of(answer)
    assert parts[-1] == (places[2] - 1, b"")
    assert [place for place, _ in parts[:-1]] == list(range(places[1], places[2]))
    updates = [f for _, plain in parts for f in split_frames(plain or b"") if f.channel == 0x200 and f.type == 19]
    key = next(f for f in updates if f.payload[8] & 1)
    assert key.time_ms == 3000
    row = AuditRow.objects.get(action="reports.recording.view")
    assert (row.object, row.fields, row.outcome) == (f"session:{recorded.id}", {"what": "screen"}, "done")
    # Ranges are only for a player that was opened, by the same person, for this session.
    first = f"/reports/{recorded.id}/screen/1/0-3"
    assert viewer.get(first).status_code == 403
    assert viewer.get(first, {"view": index["view"] + "x"}).status_code == 403
    last = segment["last"]
    end = parts_of(viewer.get(f"/reports/{recorded.id}/screen/1/{last}-99999", view))
    assert [place for place, _ in end] == [last, last]
    for wrong in ("1/999-1000", "1/3-2", "9/0-1"):
        assert viewer.get(f"/reports/{recorded.id}/screen/{wrong}", view).status_code == 404


def test_a_range_is_bounded_in_bytes(viewer: Any, recorded: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "RANGE_BYTES", 1000)
    view = {"view": viewer.get(f"/reports/{recorded.id}/screen/index.json").json()["view"]}
    places = [place for place, _ in parts_of(viewer.get(f"/reports/{recorded.id}/screen/1/0-7", view))]
    assert places == list(range(len(places)))
    assert 0 < len(places) < 7


def test_events_are_given_around_a_moment_by_groups(
    viewer: Any, recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_event(recorded, 6, "screen-started", by="Rep")
    view = viewer.get(f"/reports/{recorded.id}/screen/index.json").json()["view"]
    address = f"/reports/{recorded.id}/screen/events.json"

    def events(**query: str) -> dict[str, Any]:
        found: dict[str, Any] = viewer.get(address, {**query, "view": view}).json()
        return found

    everything = events()
    assert [e["group"] for e in everything["events"]] == ["session", "session", "chat", "shell", "shell", "screen"]
    assert (everything["before"], everything["behind"]) == (False, False)
    (said,) = events(show="chat")["events"]
    assert said == {"t_ms": 2000, "group": "chat", "by": "Customer", "text": "<b>Hello & welcome</b>"}
    assert [e["t_ms"] for e in events(show="shell,screen")["events"]] == [3000, 4000, 6000]
    assert events(show="nothing")["events"] == []
    monkeypatch.setattr(player, "EVENTS", 1)
    around = events(show="chat,shell,screen", at="4000")
    assert [e["t_ms"] for e in around["events"]] == [3000, 4000]
    assert (around["before"], around["behind"]) == (True, True)
    for wrong in ("x", "-1", "9" * 5000, "9" * 19):
        assert viewer.get(address, {"at": wrong, "view": view}).status_code == 200
    assert viewer.get(address).status_code == 403


def test_damage_is_named_and_never_served(viewer: Any, recorded: Session, settings: Any) -> None:
    recording = recordings.of_session(recorded)
    path = Path(recording.segments[0].stamp.path)  # type: ignore[union-attr]
    place = recording.segments[0].index[4]  # type: ignore[union-attr]
    raw = bytearray(path.read_bytes())
    raw[place.offset + 100] ^= 1
    path.write_bytes(bytes(raw))
    verify_all()
    page = viewer.get(f"/login/reports/support/{recorded.id}").content.decode()
    assert "The recording was altered here." in page
    second = queries.span(place.start_ms)
    assert f"The first damaged second is {second}." in page
    index = viewer.get(f"/reports/{recorded.id}/screen/index.json").json()
    assert index["gaps"][0]["what"] in {"altered", "signature"}
    answer = viewer.get(f"/reports/{recorded.id}/screen/1/3-5", {"view": index["view"]})
    parts = dict(parts_of(answer)[:-1])
    assert (sorted(parts), parts[4]) == ([3, 4, 5], None)
    assert parts[3]


def test_segments_of_a_killed_relay_play_on_and_the_cut_is_marked(viewer: Any, owner: Any, settings: Any) -> None:
    session = make_session(owner)
    record(session, settings.FARHAND_DATA, close=False)
    record(session, settings.FARHAND_DATA, segment=2, started_ms=START + 20_000)
    verify_all()
    page = viewer.get(f"/login/reports/support/{session.id}").content.decode()
    assert "Verified to 0:00:28" in page
    assert "The recording was cut off here" in page
    assert "0:00:07–0:00:20" in page
    index = viewer.get(f"/reports/{session.id}/screen/index.json").json()
    assert [s["start_ms"] for s in index["segments"]] == [0, 20_000]
    assert index["duration_ms"] == 28_000


def test_a_segment_that_is_gone_is_named(viewer: Any, recorded: Session, settings: Any) -> None:
    add_event(recorded, 9, "recording-started", segment=2)
    RecordingSegment.objects.create(
        **history(), session=recorded, segment=2, created_ms=START, certificate="", data_key=""
    )
    # Keys that were handed out but never used are no loss.
    RecordingSegment.objects.create(
        **history(), session=recorded, segment=3, created_ms=START, certificate="", data_key=""
    )
    verify_all()
    page = viewer.get(f"/login/reports/support/{recorded.id}").content.decode()
    assert "A part of the recording is missing here." in page


@pytest.mark.parametrize("raw", [b"", b"garbage" * 100, b"FHRH\xff\xff\xff\xff"])
def test_files_that_are_no_recordings_are_findings(viewer: Any, recorded: Session, raw: bytes, settings: Any) -> None:
    path = Path(recordings.of_session(recorded).segments[0].stamp.path)  # type: ignore[union-attr]
    path.write_bytes(raw)
    verify_all()
    assert viewer.get(f"/login/reports/support/{recorded.id}").status_code == 200
    assert viewer.get(f"/reports/{recorded.id}/screen/index.json").status_code == 200
    assert viewer.get(f"/reports/{recorded.id}/shell/1.cast").status_code == 404


def test_who_may_see_what(make_user: Any, sign_in: Any, recorded: Session, owner: Any, settings: Any) -> None:
    address = f"/login/reports/support/{recorded.id}"
    nobody = sign_in(make_user("nobody", "perm_support_allowed"))
    assert nobody.get("/login/reports/support").status_code == 403
    assert nobody.get(address).status_code == 403
    stranger = sign_in(make_user("stranger", "perm_view_support_reports.user_sessions", PLAY))
    assert stranger.get(address).status_code == 403
    assert stranger.get(f"/reports/{recorded.id}/shell/1.txt").status_code == 403
    reader = sign_in(make_user("reader", ALL))
    page = reader.get(address)
    assert page.status_code == 200
    assert "Play Command Shell" not in page.content.decode()
    assert "not allowed to view recordings" in page.content.decode()
    for part in ("shell/1.cast", "shell/1.txt", "screen/index.json", "screen/events.json", "screen/1/0-1"):
        assert reader.get(f"/reports/{recorded.id}/{part}").status_code == 403
    assert AuditRow.objects.filter(action="reports.recording.view", outcome="refused").count() >= 3


def test_signed_out_people_sign_in_first_and_nothing_is_posted(browser: Any, viewer: Any, recorded: Session) -> None:
    for address in (
        "/login/reports/support",
        f"/login/reports/support/{recorded.id}",
        f"/reports/{recorded.id}/screen/index.json",
    ):
        assert browser.get(address).status_code == 302
        assert viewer.post(address).status_code == 405
    assert viewer.get(f"/login/reports/support/{new_id()}").status_code == 404
    assert viewer.get("/reports/..%2f..%2fkeys/screen/index.json").status_code == 404


def test_list_and_rule_agree_for_every_level(make_user: Any, owner: Any) -> None:
    group = JumpGroup.objects.create(name="Servers", code_name="servers")
    team = Team.objects.create(name="Desk")
    mate = make_user("mate", "perm_support_allowed")
    TeamMember.objects.create(team=team, user=mate, role="member")
    sessions = [make_session(owner), make_session(mate), make_session(owner, kind="jump", group=group.id)]
    shown = {}
    for level in ("user_sessions", "team_sessions", "jump_group_sessions", "all_sessions"):
        user = make_user(f"v-{level}", f"perm_view_support_reports.{level}")
        TeamMember.objects.create(team=team, user=user, role="member")
        JumpGroupMember.objects.create(group=group, user=user, role="start_sessions")
        sessions.append(make_session(user))
        subject = actor_for(user).subject
        listed = set(queries.visible(subject).values_list("id", flat=True))
        ruled = {s.id for s in sessions if decide(subject, "reports.session.view", queries.as_object(s)).allowed}
        assert listed == ruled, level
        shown[level] = len(listed)
    assert shown["user_sessions"] == 1
    assert shown["all_sessions"] == 7
    assert shown["team_sessions"] >= 3
    assert shown["jump_group_sessions"] == 2


def test_a_long_history_has_pages(viewer: Any, owner: Any) -> None:
    session = make_session(owner)
    for seq in range(1, views.LINES + 4):
        add_event(session, seq, "chat", text=f"line number {seq}.")
        add_event(session, 5000 + seq, "shell-opened", shell=seq, open=1)
    first = viewer.get(f"/login/reports/support/{session.id}").content.decode()
    assert first.count('class="said"') == views.LINES
    assert "line number 1." in first
    assert "line number 501." not in first
    assert "?said=2" in first
    assert "?done=2" in first
    second = viewer.get(f"/login/reports/support/{session.id}?said=2").content.decode()
    assert second.count('class="said"') == 3
    assert "line number 503." in second
    assert "?said=1" in second


def test_transcripts_are_searched_in_the_report(viewer: Any, recorded: Session, sign_in: Any, make_user: Any) -> None:
    #
    text = b"".join(viewer.get(f"/reports/{recorded.id}/shell/1.txt").streaming_content).decode()
    word = max(text.split(), key=len)
    address = f"/login/reports/support/{recorded.id}"
    before = AuditRow.objects.count()
    page = viewer.get(address, {"find": word.upper()}).content.decode()
    assert f"<mark>{word}</mark>" in page
    assert AuditRow.objects.count() == before + 1
    assert "No transcript has these words." in viewer.get(address, {"find": "<b>nowhere"}).content.decode()
    assert AuditRow.objects.filter(fields__what="shells search").count() == 2
    viewer.get(address, {"find": " \0 "})
    assert AuditRow.objects.count() == before + 2, "nothing was looked for"
    reader = sign_in(make_user("reader", ALL))
    assert "<mark>" not in reader.get(address, {"find": word}).content.decode()


def test_a_search_is_bounded(recorded: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recordings.of_session(recorded)
    monkeypatch.setattr(recordings, "shell_lines", lambda *_: iter(["x" * 1000 + "needle" + "y" * 1000 + "\n"] * 300))
    found = transcripts.find(recording, "NEEDLE")
    assert (len(found.lines), found.more, found.left_out) == (transcripts.MAX_FOUND, True, [])
    line = found.lines[0]
    assert (line.before, line.match, line.after) == ("…" + "x" * 200, "needle", "y" * 200 + "…")


@pytest.mark.parametrize(("limit", "value", "most"), [("MAX_SEARCHED", 4000, 5), ("MAX_SECONDS", -1.0, 1)])
def test_a_search_reads_no_more_than_its_share_also_where_no_lines_come(
    recorded: Session, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, most: int
) -> None:
    recording = recordings.of_session(recorded)
    (shell,) = recordings.shells(recording)
    taken: list[int] = []

    def full_screen(*_: object) -> Iterator[PlayedFrame]:
        for number in range(50):
            taken.append(number)
            output = (number * 992).to_bytes(8, "little") + b"\x1b[?1049h".ljust(992, b"x")
            yield PlayedFrame(shell.opened_ms + number, shell.channel, int(Shell.DATA), memoryview(output))

    monkeypatch.setattr(recordings, "play", full_screen)
    monkeypatch.setattr(transcripts, limit, value)
    assert transcripts.find(recording, "needle").left_out == [1]
    assert len(taken) <= most


def test_a_shell_that_was_not_recorded_is_told(viewer: Any, owner: Any, settings: Any) -> None:
    session = make_session(owner)
    add_event(session, 3, "shell-opened", by="Rep", shell=1, open=1)
    add_event(session, 4, "shell-closed", by="Rep", shell=1, open=0)
    add_event(session, 6, "shell-opened", by="<i>Quiet</i>", shell=2, open=1)
    add_event(session, 8, "shell-closed", by="<i>Quiet</i>", shell=2, open=0)
    # The endpoint's program began anew, and so did its numbers.
    add_event(session, 80, "shell-opened", by="Late", shell=1, open=1)

    def told() -> list[tuple[str, int, int | None]]:
        page = viewer.get(f"/login/reports/support/{session.id}")
        rows = page.context["unrecorded"]
        assert ("Command Shells that were not recorded" in page.content.decode()) is bool(rows)
        ms = lambda at: None if at is None else round(at.timestamp() * 1000) - START  # noqa: E731
        return [(row["by"], ms(row["opened"]), ms(row["closed"])) for row in rows]

    quiet, late = ("<i>Quiet</i>", 6000, 8000), ("Late", 80_000, 95_000)
    assert told() == [("Rep", 3000, 4000), quiet, late]
    record(session, settings.FARHAND_DATA)
    assert told() == [], "not verified yet: it is not known what the recording has"
    verify_all()
    assert told() == [quiet, late]
    page = viewer.get(f"/login/reports/support/{session.id}").content.decode()
    assert "<i>Quiet</i>" not in page
    assert "Still open" not in page
    Session.objects.filter(id=session.id).update(ended_ms=None, recorded=0)
    page = viewer.get(f"/login/reports/support/{session.id}").content.decode()
    assert "Still open" in page
