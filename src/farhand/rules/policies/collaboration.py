"""Who may pass on a session, ask others into it, and answer such an invitation.

The owner alone decides about a session (R-222, R-238, R-243); a waiting one is moved by whoever could accept it. Beyond
the own teams it takes a permission: `facts["target_teams"]` are the teams of whom or what is chosen. What somebody who
is asked may do is asked twice: when the invitation is made, of the person in the list, and when it is accepted.
"""

from farhand.rules import queues
from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, all_of, needs, refuse
from farhand.rules.permissions import ACCEPT_TEAM_SESSIONS, SHARE_OTHER_TEAM, TRANSFER_OTHER_TEAM
from farhand.rules.policies.support import accept, could_join, could_own, member
from farhand.rules.sessions import NOT_OWNER
from farhand.rules.text import gettext_noop as _


def owner(subject: Subject, obj: Object, context: Context) -> Decision:
    """The owner of a session who is in it."""
    first = member(subject, obj, context)
    if not first.allowed:
        return first
    return ALLOW if subject.id and subject.id == obj.owner else refuse(NOT_OWNER)


def owner_or_waiting(subject: Subject, obj: Object, context: Context) -> Decision:
    """The owner; of a waiting session who could accept it (R-081)."""
    return (accept if obj.facts.get("state") == "waiting" else owner)(subject, obj, context)


def reaches(permission: str, reason: str) -> Policy:
    """Policy: the target is in a team of one's own, or one holds `permission`. Without a target: yes."""

    def policy(subject: Subject, obj: Object, context: Context) -> Decision:
        teams = obj.facts.get("target_teams")
        if teams is None or (isinstance(teams, frozenset) and teams & subject.teams):
            return ALLOW
        return needs(permission, reason=reason)(subject, obj, context)

    return policy


def invited(subject: Subject, obj: Object, context: Context) -> Decision:
    """The invitation stands in one of the own queues (`obj.queue`), and what it offers is possible."""
    if not obj.queue or not queues.sees(subject, obj.queue):
        return refuse(_("This invitation is for somebody else."))
    if obj.facts.get("invitation") != "transfer":
        return could_join(subject, obj, context)
    if queues.parse(obj.queue).kind == "team":
        reason = _("Your account is not allowed to accept sessions from a team queue.")
        first = needs(ACCEPT_TEAM_SESSIONS, reason=reason)(subject, obj, context)
        if not first.allowed:
            return first
    return could_own(subject, obj, context)


def declines(subject: Subject, obj: Object, _context: Context) -> Decision:
    """Whoever sees the invitation may say no; of a team's nobody can, which the machine says."""
    if obj.queue and queues.sees(subject, obj.queue):
        return ALLOW
    return refuse(_("This invitation is for somebody else."))


POLICIES: dict[str, Policy] = {
    "support.session.could_own": could_own,
    "support.session.could_join": could_join,
    "support.session.transfer": all_of(
        owner_or_waiting,
        reaches(TRANSFER_OTHER_TEAM, _("Your account is not allowed to transfer sessions to other teams.")),
    ),
    "support.session.share": all_of(
        owner, reaches(SHARE_OTHER_TEAM, _("Your account is not allowed to share sessions with other teams."))
    ),
    "support.session.remove_member": owner,
    "support.session.disconnect_customer": owner,
    "support.session.pause": owner,
    "support.invitation.cancel": owner,
    "support.invitation.accept": invited,
    "support.invitation.decline": declines,
}
