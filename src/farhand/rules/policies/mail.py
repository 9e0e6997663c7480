"""Who may set up the mail server, and send messages by it."""

from farhand.rules.access import Policy, needs, only
from farhand.rules.permissions import ADMIN

POLICIES: dict[str, Policy] = {
    "mail.settings.view": needs(ADMIN),
    "mail.settings.edit": needs(ADMIN),
    "mail.test.send": needs(ADMIN),
    "mail.message.note": only("system"),
    "mail.message.forget": only("system"),
}
