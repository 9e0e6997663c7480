"""Changes of the site as a whole."""

from typing import Any

from farhand.rules.access import Object
from farhand.web.appliance import queries
from farhand.web.appliance.models import SiteSetting
from farhand.web.project import revocation
from farhand.web.project.service import Change, service


def put_setting(key: str, value: Any) -> None:
    """Store a setting; for the body of a service that has asked the rules. KeyError for a name that is none."""
    if type(value) is not type(queries.DEFAULTS[key]):
        raise TypeError(f"setting {key} is not a {type(value).__name__}")
    SiteSetting.objects.update_or_create(key=key, defaults={"value": value})


@service("appliance.security.edit")
def edit_security(change: Change, *, web_console: bool) -> None:
    """Set the switch "Allow Mobile Representative Console and Web Rep Console to Connect"."""
    change.allow(Object(kind="site"))
    before = queries.web_console_allowed()
    put_setting(queries.WEB_CONSOLE, web_console)
    change.audit(web_console={"from": before, "to": web_console})
    change.put("site", "settings", "site", queries.console_settings())
    if before and not web_console:
        revocation.access_reduced(change, None)
