"""Who may change the settings of the whole site."""

from farhand.rules.access import Policy, needs, only
from farhand.rules.permissions import ADMIN

POLICIES: dict[str, Policy] = {
    "appliance.actions.edit": needs(ADMIN),
    "appliance.actions.view": needs(ADMIN),
    "appliance.security.edit": needs(ADMIN),
    "appliance.security.view": needs(ADMIN),
    "appliance.software.view": needs(ADMIN),
    "appliance.status.view": only("user"),
    "appliance.box.view": only("appliance-user"),
}
