"""Reading site settings: their names, types and defaults stand here and nowhere else."""

from typing import Any, Final

from farhand.rules import grants
from farhand.web.appliance.models import SiteSetting

CLAIMED: Final = "claimed_ms"
SITE_NAME: Final = "site_name"
WEB_CONSOLE: Final = "web_console"
STATEMENT: Final = "statement"
RECONNECT_TIMEOUT: Final = "reconnect_timeout_s"
CLIPBOARD: Final = "clipboard"
SHELL_RECORDING: Final = "shell_recording"
RECORDING_DAYS: Final = "recording_days"
REPORT_DAYS: Final = "report_days"
SESSION_POLICY: Final = "session_policy"
ACTIONS_OFF: Final = "actions_off"
FALLBACK: Final = "fallback"
MAIL: Final = "mail"
KEY_MAIL: Final = "key_mail"

SECURITY_SWITCHES: Final = (WEB_CONSOLE, CLIPBOARD, SHELL_RECORDING)
"""The switches of Management > Security."""
RETENTION: Final = (RECORDING_DAYS, REPORT_DAYS)
"""The days of Management > Security."""
LONGEST_DAYS: Final = 3650
"""Most days that can be set."""

DEFAULTS: Final[dict[str, Any]] = {
    CLAIMED: 0,  # when the claim happened; 0 = not yet
    SITE_NAME: "Farhand",
    WEB_CONSOLE: False,  # "Allow Mobile Representative Console and Web Rep Console to Connect"
    STATEMENT: "",
    RECONNECT_TIMEOUT: 300,  # seconds that a customer's client may be away before its session ends
    CLIPBOARD: True,  # "Allow Clipboard Sharing in Sessions"
    SHELL_RECORDING: True,  # "Enable Command Shell Recording"
    RECORDING_DAYS: 90,  # "Days to Keep Recordings", from the end of their session
    REPORT_DAYS: 365,  # "Days to Keep Logging Information": whole session reports
    SESSION_POLICY: dict(grants.DEFAULT_POLICY),  # tool's permission -> level or "deny", where no account defines it
    FALLBACK: {},  # where a session goes whose representative is lost: a `farhand.rules.routing.Fallback`
    MAIL: {},  # the mail server: a `farhand.web.mail.queries.Settings`
    KEY_MAIL: {},  # how session keys may be mailed: a `farhand.web.portals.invitations.KeyMail`
    ACTIONS_OFF: [],  # special actions that nobody is offered, by their ids
}

_claimed = False


def get(key: str) -> Any:
    """Return a setting's value or its default; KeyError for a name that is none."""
    default = DEFAULTS[key]
    row = SiteSetting.objects.filter(key=key).values_list("value", flat=True).first()
    return default if row is None else row


def is_claimed() -> bool:
    """Say whether the appliance has been claimed. A yes is remembered: a claim is never undone while a process runs."""
    global _claimed  # noqa: PLW0603 - asked at every request
    if not _claimed:
        _claimed = bool(get(CLAIMED))
    return _claimed


def forget() -> None:
    """Ask the database again at the next question (tests, restore)."""
    global _claimed  # noqa: PLW0603 - see is_claimed
    _claimed = False


def web_console_allowed() -> bool:
    """The switch of Management > Security."""
    return bool(get(WEB_CONSOLE))


def clipboard_allowed() -> bool:
    """The clipboards' switch of Management > Security."""
    return bool(get(CLIPBOARD))


def shells_recorded() -> bool:
    """The switch of Management > Security for recordings of Command Shells."""
    return bool(get(SHELL_RECORDING))


def recording_days() -> int:
    """How many days recordings are kept; never longer than their reports."""
    return min(int(get(RECORDING_DAYS)), report_days())


def report_days() -> int:
    """How many days session reports are kept."""
    return int(get(REPORT_DAYS))


def tool_switches() -> frozenset[str]:
    """The site switches of tools and recordings that are on, by the names of `farhand.rules.grants`."""
    switches = {grants.CLIPBOARD: clipboard_allowed(), grants.SHELL_RECORDING: shells_recorded()}
    return frozenset(name for name, on in switches.items() if on)


def session_policy() -> dict[str, str]:
    """The site's session policy."""
    return dict(get(SESSION_POLICY))


def actions_off() -> list[str]:
    """The special actions that the site does not offer, by their ids."""
    return list(get(ACTIONS_OFF))


def reconnect_timeout_ms() -> int:
    """How long a customer's client may be away before its session ends, milliseconds."""
    return 1000 * int(get(RECONNECT_TIMEOUT))


def site_name() -> str:
    """Name of the site, shown to customers and representatives."""
    return str(get(SITE_NAME))


def console_settings() -> dict[str, Any]:
    """What consoles know of the site's settings. Topic `site`, collection `settings`, id `site`."""
    return {"name": site_name(), "web_console": web_console_allowed()}
