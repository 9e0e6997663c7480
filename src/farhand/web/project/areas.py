"""Which packages of `farhand.web` are areas (they have tables) and faces (they have addresses).

Adding one here is all that settings and addresses need to know of it.
"""

from typing import Final

AREAS: Final = (
    "events",
    "accounts",
    "appliance",
    "jobs",
    "mail",
    "jump",
    "support",
    "portals",
    "routing",
    "scripts",
    "chat",
    "reports",
)
"""Packages `farhand.web.X` with `apps.py`; Django loads their models, services and migrations."""

FACES: Final = ("login", "jump", "console", "portal", "api", "portals", "routing", "scripts", "reports", "mail")
"""Packages `farhand.web.X` whose module `urls` has `urlpatterns`, each with its full address below the root."""
