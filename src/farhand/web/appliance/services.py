"""Changes of the site as a whole."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext

from farhand.protocol.actions import ACTIONS
from farhand.rules.access import Object
from farhand.web.appliance import queries
from farhand.web.appliance.models import SiteSetting
from farhand.web.project import revocation
from farhand.web.project.errors import Invalid
from farhand.web.project.service import Change, service


def put_setting(key: str, value: Any) -> None:
    """Store a setting; for the body of a service that has asked the rules. KeyError for a name that is none."""
    if type(value) is not type(queries.DEFAULTS[key]):
        raise TypeError(f"setting {key} is not a {type(value).__name__}")
    SiteSetting.objects.update_or_create(key=key, defaults={"value": value})


def mark_claimed(now_ms: int) -> bool:
    """Store that the appliance is claimed; False when it was already. For the claim's own transaction."""
    _row, made = SiteSetting.objects.get_or_create(key=queries.CLAIMED, defaults={"value": now_ms})
    return made


@service("appliance.actions.edit")
def choose_actions(change: Change, *, offered: Collection[str]) -> None:
    """Choose which of the special actions that are known here are offered in sessions (R-309). What an endpoint has
    beyond them is offered always. Running sessions follow at once. Raises Invalid for a name that is no action.
    """
    change.allow(Object(kind="site"))
    if unknown := sorted(set(offered) - set(ACTIONS)):
        raise Invalid("offered", gettext("There is no special action %(name)s.") % {"name": unknown[0][:64]})
    before = queries.actions_off()
    after = [name for name in ACTIONS if name not in offered]
    put_setting(queries.ACTIONS_OFF, after)
    change.audit(actions_off={"from": before, "to": after})
    if before != after:
        revocation.access_changed(change, None, reduced=False)
    change.put("site", "settings", "site", queries.console_settings())


@service("appliance.security.edit")
def edit_security(
    change: Change,
    *,
    web_console: bool,
    clipboard: bool | None = None,
    shell_recording: bool | None = None,
    recording_days: int | None = None,
    report_days: int | None = None,
) -> None:
    """Set the switches "Allow Mobile Representative Console and Web Rep Console to Connect", "Allow Clipboard Sharing
    in Sessions" and "Enable Command Shell Recording", and how many days recordings and session reports are kept (None:
    as it is). Running sessions are judged anew. Raises Invalid for days that are out of range.
    """
    change.allow(Object(kind="site"))
    names = (*queries.SECURITY_SWITCHES, *queries.RETENTION)
    before = {name: queries.get(name) for name in names}
    wanted = {
        queries.WEB_CONSOLE: web_console,
        queries.CLIPBOARD: clipboard,
        queries.SHELL_RECORDING: shell_recording,
        queries.RECORDING_DAYS: recording_days,
        queries.REPORT_DAYS: report_days,
    }
    after = before | {name: value for name, value in wanted.items() if value is not None}
    _check_days(after)
    for name, value in after.items():
        put_setting(name, value)
    change.audit(**{name: {"from": before[name], "to": after[name]} for name in after})
    change.put("site", "settings", "site", queries.console_settings())
    if any(before[name] != after[name] for name in queries.SECURITY_SWITCHES):
        revocation.access_changed(change, None, reduced=before["web_console"] and not web_console)


def _check_days(settings: Mapping[str, Any]) -> None:
    for name in queries.RETENTION:
        if not 1 <= settings[name] <= queries.LONGEST_DAYS:
            text = gettext("Enter a number of days from 1 to %(most)d.") % {"most": queries.LONGEST_DAYS}
            raise Invalid(name, text)
    if settings[queries.RECORDING_DAYS] > settings[queries.REPORT_DAYS]:
        text = gettext("A recording goes with its report. Enter no more days than logging information is kept.")
        raise Invalid(queries.RECORDING_DAYS, text)
