"""Who may edit public portals."""

from farhand.rules.access import Policy, needs
from farhand.rules.permissions import EDIT_PUBLIC_SITES

POLICIES: dict[str, Policy] = {
    "portals.portals.view": needs(EDIT_PUBLIC_SITES),
    "portals.portal.create": needs(EDIT_PUBLIC_SITES),
    "portals.portal.edit": needs(EDIT_PUBLIC_SITES),
    "portals.portal.remove": needs(EDIT_PUBLIC_SITES),
}
