"""Who may edit public portals, and how session keys may be mailed."""

from farhand.rules.access import Policy, needs
from farhand.rules.permissions import ADMIN, EDIT_PUBLIC_SITES

POLICIES: dict[str, Policy] = {
    "portals.portals.view": needs(EDIT_PUBLIC_SITES),
    "portals.portal.create": needs(EDIT_PUBLIC_SITES),
    "portals.portal.edit": needs(EDIT_PUBLIC_SITES),
    "portals.portal.edit_invitation": needs(EDIT_PUBLIC_SITES),
    "portals.key_mail.edit": needs(ADMIN),
    "portals.portal.remove": needs(EDIT_PUBLIC_SITES),
}
