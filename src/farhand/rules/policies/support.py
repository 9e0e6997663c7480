"""Who may make and use session keys, and who may do what to a session."""

from farhand.rules import queues
from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, needs, only, refuse
from farhand.rules.permissions import (
    ACCEPT_TEAM_SESSIONS,
    ADMIN,
    COLLABORATE,
    GENERATE_SESSION_KEY,
    JUMP_CLIENT,
    NEXT_SESSION,
    SUPPORT_ALLOWED,
)
from farhand.rules.roles import STARTING
from farhand.rules.text import gettext_noop as _


def console_open(subject: Subject, _object: Object, context: Context) -> Decision:
    """A representative, while the web console is switched on."""
    if subject.kind != "user":
        return refuse(_("Sign in to do this."))
    if not context.web_console:
        return refuse(_("The web console is switched off. An administrator can allow it under Management > Security."))
    return ALLOW


def helps(subject: Subject, obj: Object, context: Context) -> Decision:
    """Holds the permission that this kind of session needs."""
    opened = console_open(subject, obj, context)
    if not opened.allowed:
        return opened
    if obj.facts.get("session_kind") == "jump":
        return needs(JUMP_CLIENT, reason=_("Your account is not allowed to use Jump Clients."))(subject, obj, context)
    return needs(SUPPORT_ALLOWED, reason=_("Your account is not allowed to give remote support."))(
        subject, obj, context
    )


def create_key(subject: Subject, obj: Object, context: Context) -> Decision:
    """R-085: generating keys depends on a permission, beside the one for support itself."""
    first = helps(subject, obj, context)
    if not first.allowed:
        return first
    reason = _("Your account is not allowed to generate session keys.")
    return needs(GENERATE_SESSION_KEY, reason=reason)(subject, obj, context)


def mail_key(subject: Subject, obj: Object, context: Context) -> Decision:
    """R-092: who may generate keys mails the own ones."""
    first = create_key(subject, obj, context)
    if not first.allowed or obj.owner is None or obj.owner == subject.id:
        return first
    return refuse(_("This session key is somebody else's."))


def accept(subject: Subject, obj: Object, context: Context) -> Decision:
    """From the own personal queue, or from the queue of a team of one's own with the permission for it."""
    first = helps(subject, obj, context)
    if not first.allowed:
        return first
    if not obj.queue or not queues.sees(subject, obj.queue):
        return refuse(_("This session is not in one of your queues."))
    if queues.parse(obj.queue).kind == "team":
        reason = _("Your account is not allowed to accept sessions from a team queue.")
        first = needs(ACCEPT_TEAM_SESSIONS, reason=reason)(subject, obj, context)
        if not first.allowed:
            return first
    return could_own(subject, obj, context)


def take_next(subject: Subject, obj: Object, context: Context) -> Decision:
    """Get Next Session, for who may give support; each session is then judged as one that is accepted."""
    first = helps(subject, obj, context)
    if not first.allowed:
        return first
    reason = _("Your account is not allowed to use Get Next Session.")
    return needs(NEXT_SESSION, reason=reason)(subject, obj, context)


def could_own(subject: Subject, obj: Object, context: Context) -> Decision:
    """Whose session this could be: holds its permission, and for a Jump the role in the Jump Group too. No way into a
    session goes around this.
    """
    first = helps(subject, obj, context)
    if not first.allowed:
        return first
    if (
        obj.facts.get("session_kind") == "jump"
        and obj.group is not None
        and subject.groups.get(obj.group) not in STARTING
    ):
        return refuse(_("You have no access to this Jump Item."))
    return ALLOW


def could_join(subject: Subject, obj: Object, context: Context) -> Decision:
    """Who could come as a guest of the owner."""
    first = could_own(subject, obj, context)
    if not first.allowed:
        return first
    reason = _("Your account is not allowed to join shared sessions.")
    return needs(COLLABORATE, reason=reason)(subject, obj, context)


def member(subject: Subject, obj: Object, context: Context) -> Decision:
    """A member of the session (`facts["members"]`, `facts["guests"]`: user ids) who could still come in the same way.
    Running legs are judged by this again whenever somebody's access is reduced.
    """
    guest = subject.id in _ids(obj, "guests")
    first = (could_join if guest else could_own)(subject, obj, context)
    if not first.allowed:
        return first
    if subject.id in _ids(obj, "members"):
        return ALLOW
    return refuse(_("You are not in this session."))


def end(subject: Subject, obj: Object, _context: Context) -> Decision:
    """R-253: the owner ends the session; an administrator may end any; so may Farhand itself."""
    if subject.kind == "system" or (subject.kind == "user" and subject.has(ADMIN)):
        return ALLOW
    if subject.kind == "user" and subject.id and subject.id == obj.owner:
        return ALLOW
    return refuse(_("Only the owner of this session can end it."))


def _ids(obj: Object, fact: str) -> tuple[object, ...]:
    ids = obj.facts.get(fact, ())
    return ids if isinstance(ids, tuple) else ()


def own_join(subject: Subject, obj: Object, _context: Context) -> Decision:
    """The customer who holds this session's join token, and nobody else."""
    if subject.kind == "customer" and subject.id and subject.id == obj.id:
        return ALLOW
    return refuse(_("This session belongs to another customer."))


POLICIES: dict[str, Policy] = {
    "support.session_key.create": create_key,
    "support.session_key.mail": mail_key,
    "support.session_key.use": only("anonymous", "user"),
    "support.customer.start": own_join,
    "support.customer.chat": own_join,
    "support.customer.end": own_join,
    "support.session.request_client": member,
    "support.session.accept": accept,
    "support.session.next": take_next,
    "support.session.ticket": member,
    "support.session.leave": member,
    "support.session.end": end,
    "support.session.return_to_queue": only("system"),
    "support.session.import": only("system"),
    "support.session.renew_keys": only("system"),
    "support.session.note_leg": only("system"),
    "support.session.forget_legs": only("system"),
    "support.session.expire": only("system"),
    "support.session.abandon": only("system"),
    "support.session_key.expire": only("system"),
}
