"""What some users may do before a change and after it: who got more or less, told to them and to all that runs.

Rules: `Reach` is made before anything is stored, `told` is called afterwards, in the same service.
"""

from collections.abc import Iterable

from django.utils.translation import gettext

from farhand.rules.access import Subject
from farhand.rules.permissions import ADMIN, DENIALS, expand
from farhand.rules.roles import ROLES
from farhand.web.accounts import queries
from farhand.web.project import revocation
from farhand.web.project.service import Change, Conflict


def lessened(before: Subject, after: Subject) -> bool:
    """Say whether a user may see less than before."""
    return bool(
        expand(before.permissions) - expand(after.permissions) - DENIALS
        or before.teams - after.teams
        or before.led_teams - after.led_teams
        or any(_rank(role) > _rank(after.groups.get(group, "")) for group, role in before.groups.items())
    )


class Reach:
    """How far these users get now."""

    def __init__(self, user_ids: Iterable[str]) -> None:
        self._before = _subjects(user_ids)

    def told(self, change: Change) -> None:
        """Tell consoles and running sessions of those who can do other things than before. Raises Conflict when nobody
        would be an administrator any more.
        """
        after = _subjects(self._before)
        changed = {ident for ident, subject in after.items() if subject != self._before[ident]}
        if not changed:
            return
        if any(self._before[ident].has(ADMIN) and not after[ident].has(ADMIN) for ident in changed):
            keep_an_administrator()
        for user in queries.users().filter(id__in=changed):
            value = queries.me(user)
            if self._before[user.id].groups != after[user.id].groups:
                # A console that sees its roles change fetches a new snapshot.
                value |= {"jump_roles_ms": change.now_ms}
            change.put(f"user:{user.id}", "me", user.id, value)
        reduced = [ident for ident in changed if lessened(self._before[ident], after[ident])]
        revocation.access_changed(change, changed, reduced=reduced)


def keep_an_administrator() -> None:
    """Raise Conflict when, as things are stored now, nobody who can sign in is an administrator."""
    if not any(user.is_active and user.may(ADMIN) for user in queries.users()):
        raise Conflict(gettext("This is the last administrator. Make another user an administrator first."))


def _subjects(user_ids: Iterable[str]) -> dict[str, Subject]:
    return {user.id: queries.subject_of(user) for user in queries.users().filter(id__in=list(user_ids))}


def _rank(role: str) -> int:
    return ROLES.index(role) if role in ROLES else -1
