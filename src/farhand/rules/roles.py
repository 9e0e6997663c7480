"""Roles in a Jump Group, from none to all: what they are called, and which of them may start sessions."""

from typing import Final

NO_ACCESS: Final = "no_access"
START: Final = "start_sessions"
ADMINISTRATOR: Final = "administrator"
ROLES: Final = (NO_ACCESS, START, ADMINISTRATOR)
STARTING: Final = frozenset((START, ADMINISTRATOR))
"""Roles that see the group's Jump Items and start sessions with them; no role at all is no access."""
