"""Who may do what with jobs: their owners and administrators stop them, Farhand itself runs them."""

from typing import Final

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, only, refuse
from farhand.rules.permissions import ADMIN
from farhand.rules.text import gettext_noop as _

NOT_YOURS: Final = _("This job was started by somebody else. Ask them or an administrator.")


def own_job(subject: Subject, obj: Object, _context: Context) -> Decision:
    """One's own, or any for an administrator."""
    if subject.kind == "user" and (obj.owner == subject.id or subject.has(ADMIN)):
        return ALLOW
    return refuse(NOT_YOURS)


POLICIES: dict[str, Policy] = {
    "jobs.job.cancel": own_job,
    "jobs.job.claim": only("system"),
    "jobs.job.beat": only("system"),
    "jobs.job.finish": only("system"),
    "jobs.job.fail": only("system"),
    "jobs.job.put_back": only("system"),
    "jobs.job.put_off": only("system"),
    "jobs.job.expire": only("system"),
}
