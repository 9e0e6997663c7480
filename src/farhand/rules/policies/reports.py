"""Who may read session reports and play recordings.

The level of `perm_view_support_reports` says which sessions: own ones, those of one's teams, those of one's Jump
Groups, all. Recordings (screen and shells) need `perm_view_sd_recordings` beside it. `facts` of a session:
`participants` (user ids of its creator, owner and all who had a leg) and `teams` (ids of all teams that these are
in).
"""

from typing import Final

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, only, refuse
from farhand.rules.permissions import VIEW_RECORDINGS, VIEW_REPORTS
from farhand.rules.roles import NO_ACCESS
from farhand.rules.text import gettext_noop as _

NO_REPORTS: Final = _("Your account is not allowed to view session reports. Ask an administrator for the permission.")
NO_RECORDINGS: Final = _("Your account is not allowed to view recordings. Ask an administrator for the permission.")
ALL: Final = f"{VIEW_REPORTS}.all_sessions"
OWN: Final = f"{VIEW_REPORTS}.user_sessions"
TEAMS: Final = f"{VIEW_REPORTS}.team_sessions"
GROUPS: Final = f"{VIEW_REPORTS}.jump_group_sessions"


def open_reports(subject: Subject, _object: Object, _context: Context) -> Decision:
    """Any level opens the list; it holds only what the level shows."""
    if subject.kind == "user" and any(subject.has(level) for level in (OWN, TEAMS, GROUPS, ALL)):
        return ALLOW
    return refuse(NO_REPORTS)


def group_ids(subject: Subject) -> frozenset[str]:
    """Jump Groups whose sessions the level `jump_group_sessions` shows: those in which the subject has some access."""
    return frozenset(group for group, role in subject.groups.items() if role != NO_ACCESS)


def view_session(subject: Subject, obj: Object, context: Context) -> Decision:
    """The report of one session."""
    first = open_reports(subject, obj, context)
    if not first.allowed or subject.has(ALL):
        return first
    shown = (
        (subject.has(OWN) and subject.id in _ids(obj, "participants"))
        or (subject.has(TEAMS) and bool(subject.teams & _ids(obj, "teams")))
        or (subject.has(GROUPS) and obj.group is not None and obj.group in group_ids(subject))
    )
    return ALLOW if shown else refuse(_("The report of this session is not among those that you may view."))


def view_recording(subject: Subject, obj: Object, context: Context) -> Decision:
    """What was recorded of one session: screen and shells."""
    first = view_session(subject, obj, context)
    if first.allowed and not subject.has(VIEW_RECORDINGS):
        return refuse(NO_RECORDINGS)
    return first


def _ids(obj: Object, fact: str) -> frozenset[str]:
    found = obj.facts.get(fact, frozenset())
    return found if isinstance(found, frozenset) else frozenset()


POLICIES: dict[str, Policy] = {
    "reports.session.list": open_reports,
    "reports.session.view": view_session,
    "reports.recording.view": view_recording,
    "reports.recording.verify": view_recording,
    "reports.recording.export": view_recording,
    "reports.recording.expire": only("system"),
    "reports.session.expire": only("system"),
    "reports.check.note": only("system"),
    "reports.check.finish": only("system"),
}
