"""Reading sessions for reports: the list, and one session with who was in it, what was done, and what was said."""

import datetime
from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_
from typing import Final

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from farhand.kit.ids import is_id
from farhand.protocol.channels import Party
from farhand.protocol.journal import SAID
from farhand.rules.access import Object, Subject
from farhand.rules.policies import reports as rules
from farhand.web.accounts.models import User
from farhand.web.accounts.queries import people_of, teams_of_all
from farhand.web.reports.models import DONE, RecordingCheck
from farhand.web.reports.sentences import sentence
from farhand.web.support.models import Leg, RecordingSegment, Session, SessionEvent
from farhand.web.support.queries import ALIVE, event_name, history

DAY_MS = 86_400_000
MOST_SEGMENTS: Final = 200
"""Segments that are told at once."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a session's time line."""

    time_ms: int
    kind: str
    event: str
    """The field's name of it, translated."""
    by: str
    text: str

    @property
    def time(self) -> datetime.datetime:
        """Moment in UTC."""
        return moment(self.time_ms)


GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "chat": ("chat", "rep-chat"),
    "screen": ("screen-", "recording-"),
    "shell": ("shell-",),
    "file": ("file",),
    "control": ("control-", "block-"),
}
"""Groups of events by how their kinds begin; `session` is all others, `command` what was entered in shells."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event as a player shows it beside the screen."""

    time_ms: int
    group: str
    by: str
    text: str


def visible(subject: Subject) -> QuerySet[Session]:
    """All sessions whose reports the subject may view, newest first; the same rule as `reports.session.view`."""
    rows = Session.objects.select_related("owner", "creator").order_by("-created_ms", "-id")
    if subject.has(rules.ALL):
        return rows
    allowed = Q(pk__in=[])
    if subject.has(rules.OWN):
        allowed |= _with_users([subject.id])
    if subject.has(rules.TEAMS):
        allowed |= _with_users(people_of(subject.teams))
    if subject.has(rules.GROUPS):
        allowed |= Q(jump_group_id__in=rules.group_ids(subject))
    return rows.filter(allowed)


def filtered(
    rows: QuerySet[Session],
    *,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    kind: str = "",
    user_id: str = "",
) -> QuerySet[Session]:
    """Narrow a list by day (UTC, both included), kind of session, and representative."""
    if since is not None:
        rows = rows.filter(created_ms__gte=_day_ms(since))
    if until is not None:
        rows = rows.filter(created_ms__lt=_day_ms(until) + DAY_MS)
    if kind:
        rows = rows.filter(kind=kind)
    if user_id:
        rows = rows.filter(_with_users([user_id]))
    return rows


def representatives(subject: Subject) -> QuerySet[User]:
    """Whom the list can be filtered by: everybody who was in a session that the subject may view."""
    seen = visible(subject).order_by()
    legs = Leg.objects.filter(session__in=seen).exclude(user_id="").values("user_id")
    return User.objects.filter(Q(id__in=legs) | Q(id__in=seen.values("owner_id"))).order_by("display_name")


def session_by_id(ident: str) -> Session | None:
    """Return a session, for whoever may view it: the caller asks the rules with `as_object`."""
    return Session.objects.select_related("owner", "creator").filter(id=ident).first() if is_id(ident) else None


def as_object(session: Session) -> Object:
    """The session as the rules of reports see it."""
    users = {user for user in (session.owner_id, session.creator_id) if user}
    users.update(session.legs.exclude(user_id="").values_list("user_id", flat=True))
    return Object(
        kind="session",
        id=session.id,
        owner=session.owner_id,
        group=session.jump_group_id or None,
        facts={"participants": frozenset(users), "teams": frozenset(teams_of_all(users))},
    )


def legs(session: Session) -> list[Leg]:
    """Who was in the session, the endpoint first."""
    return list(session.legs.order_by("number"))


def party_name(leg: Leg) -> str:
    """What a leg was in the session, for people."""
    names: dict[int, str] = {
        Party.ENDPOINT: gettext("Customer") if leg.subject.startswith("customer:") else gettext("Jump Client"),
        Party.CONSOLE: gettext("Representative"),
        Party.PORTAL: gettext("Customer"),
        Party.RECORDER: gettext("Recorder"),
    }
    return names.get(leg.party, "")


def timeline(session: Session) -> QuerySet[SessionEvent]:
    """What was done, in order of time (`line` says it for people); chat stands apart (`chat`)."""
    events = history(session.id).exclude(kind__in=SAID)
    if events.filter(source="web", kind="ended").exists():
        # The relay journals the same end as it carries it out.
        events = events.exclude(kind="session-ended")
    return events


def chat(session: Session) -> QuerySet[SessionEvent]:
    """What was said, in order."""
    return history(session.id).filter(kind__in=SAID)


def everything(session: Session) -> QuerySet[SessionEvent]:
    """What was done and what was said, in order of time."""
    return timeline(session) | chat(session)


def around(session: Session, at: int, groups: Collection[str], most: int) -> tuple[list[Told], list[Told]]:
    """Events before the moment `at` and from then on (ms since 1970), in order, of these groups (none = all); each list
    is one longer than `most` when there are more.
    """
    rows = everything(session)
    if groups:
        rows = rows.filter(_of_groups(groups))
    before = list(rows.filter(time_ms__lt=at).reverse()[: most + 1])[::-1]
    behind = list(rows.filter(time_ms__gte=at)[: most + 1])
    return [told(event) for event in before], [told(event) for event in behind]


def told(event: SessionEvent) -> Told:
    """What a player shows of an event."""
    group = next((name for name, kinds in GROUPS.items() if event.kind.startswith(kinds)), "session")
    by, text = (event.name, event.text) if group == "chat" else ("", sentence(event))
    if event.kind == "rep-chat":
        by = gettext("%(by)s (not shown to the customer)") % {"by": by}
    return Told(time_ms=event.time_ms, group=group, by=by, text=text)


def _of_groups(groups: Collection[str]) -> Q:
    named = {name: reduce(or_, (Q(kind__startswith=kind) for kind in kinds)) for name, kinds in GROUPS.items()}
    chosen = reduce(or_, (rule for name, rule in named.items() if name in groups), Q(pk__in=[]))
    return chosen | ~reduce(or_, named.values()) if "session" in groups else chosen


def moment(time_ms: int) -> datetime.datetime:
    """Milliseconds since 1970 as a moment in UTC."""
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)


def span(milliseconds: int) -> str:
    """A duration as h:mm:ss."""
    seconds = max(milliseconds, 0) // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def line(event: SessionEvent) -> Line:
    """One line of the time line."""
    return Line(time_ms=event.time_ms, kind=event.kind, event=event_name(event), by=event.name, text=sentence(event))


def unverified(*, checked_before: int, created_after: int = 0) -> list[tuple[str, int]]:
    """Segments (session, number) that nobody has verified to their end, newest first: those of ended sessions, those
    of living ones if their last look was before `checked_before`; only of sessions that live or began after
    `created_after`.
    """
    check = RecordingCheck.objects.filter(session_id=OuterRef("session_id"), segment=OuterRef("segment"))
    fresh = Q(checked_ms__gt=checked_before, session__state__in=ALIVE)
    rows = RecordingSegment.objects.exclude(Exists(check.filter(Q(state=DONE) | fresh)))
    if created_after:
        rows = rows.filter(Q(session__created_ms__gt=created_after) | Q(session__state__in=ALIVE))
    return list(rows.order_by("-created_ms").values_list("session_id", "segment")[:MOST_SEGMENTS])


def verified_whole(session_id: str) -> bool:
    """Say whether an ended session has a recording, and every segment of it was verified to its end."""
    check = RecordingCheck.objects.filter(session_id=OuterRef("session_id"), segment=OuterRef("segment"), state=DONE)
    segments = RecordingSegment.objects.filter(session_id=session_id)
    recorded = RecordingCheck.objects.filter(session_id=session_id, size__gt=0).exists()
    over = Session.objects.filter(id=session_id, state="ended").exists()
    return recorded and over and not segments.exclude(Exists(check)).exists()


def _with_users(users: Iterable[str]) -> Q:
    took_part = Leg.objects.filter(session_id=OuterRef("pk"), user_id__in=users)
    return Q(owner_id__in=users) | Q(creator_id__in=users) | Q(Exists(took_part))


def _day_ms(day: datetime.date) -> int:
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp() * 1000)
