"""The whole area as consoles could see it, over all topics."""

from tests.unit.web.snapshots import Snapshot

from farhand.web.accounts import queries
from farhand.web.appliance.queries import console_settings


def snapshot() -> Snapshot:
    """Every user's `me`, every queue, the site's settings."""
    users = list(queries.users())
    queues = [queries.personal_queue(user) for user in users] + [queries.team_queue(team) for team in queries.teams()]
    return {
        "me": {user.id: queries.me(user) for user in users},
        "queues": {queue["id"]: queue for queue in queues},
        "settings": {"site": console_settings()},
    }
