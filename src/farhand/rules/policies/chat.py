"""Who may write to a team outside sessions: its members, whatever else they may do."""

from farhand.rules import queues
from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, all_of, only, refuse
from farhand.rules.policies.support import console_open
from farhand.rules.text import gettext_noop as _


def in_team(subject: Subject, obj: Object, _context: Context) -> Decision:
    """`obj.queue` is the queue of a team of one's own."""
    if obj.queue and obj.queue.startswith("team:") and queues.sees(subject, obj.queue):
        return ALLOW
    return refuse(_("You are not a member of this team."))


POLICIES: dict[str, Policy] = {
    "chat.message.post": all_of(console_open, in_team),
    "chat.message.expire": only("system"),
    "accounts.favourite.set": all_of(console_open, in_team),
}
