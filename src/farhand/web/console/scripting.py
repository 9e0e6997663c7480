"""Client scripting: what an address `/api/client_script?...` asks a console to do (R-037, R-038, R-045, R-046).

    type=web_console  operation=execute          action=start_jump_item_session
    type=rep          operation=execute|generate action=one of `ACTIONS`: answered with a console script file

Source: the field's published client scripting interface; names and lengths are its own. Rules: nothing here changes
anything. An address can be followed by mistake or placed by somebody else, so the web console shows what would be done
and waits for a click. Every parameter is known and bounded; whatever else is given is refused by name, so that a
misspelt criterion never matches everything.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from django.utils.translation import gettext

from farhand.web.project.errors import Invalid

MAX_VALUE: Final = 255
MAX_PARAMETERS: Final = 16
START_JUMP: Final = "start_jump_item_session"
ACTIONS: Final = (
    "login",
    "generate_session_key",
    START_JUMP,
    "push_and_start_local",
    "push_and_start_remote",
    "start_shell_jump_session",
    "start_rdp_session",
    "start_vnc_session",
    "start_vpro_session",
)
"""Actions of desktop consoles."""
METHODS: Final = ("push", "local_push", "pinned", "rdp", "vnc", "shelljump")
"""Values of `jump.method`; `pinned` is a Jump Client."""
CLIENT_FIELDS: Final = ("hostname", "comments", "tag", "public_ip", "private_ip")
CRITERIA: Final = ("jump.method", "search_string", *(f"client.{field}" for field in CLIENT_FIELDS))
SCRIPT_HEADER: Final = "BRCS1.0"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One understood command: `parameters` are those beside `type`, `operation` and `action`."""

    type: str
    operation: str
    action: str
    parameters: Mapping[str, str]

    def as_query(self) -> str:
        """The command as parameters of an address."""
        first = {"type": self.type, "operation": self.operation, "action": self.action}
        return urlencode({**first, **self.parameters})

    def as_script(self) -> str:
        """The command as the text of a console script file: a header, then one line of percent-encoded parameters."""
        pairs = {"action": self.action, **self.parameters}
        line = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs.items())
        return f"{SCRIPT_HEADER}\n{line}\n"


def parse(given: Mapping[str, list[str]]) -> Command:
    """Understand the parameters of an address. Raises Invalid with a sentence that says what to change."""
    if len(given) > MAX_PARAMETERS:
        raise Invalid("", gettext("This address has too many parameters."))
    values: dict[str, str] = {}
    for name, found in given.items():
        if len(found) != 1:
            raise Invalid(name[:64], gettext("The parameter %(name)s is given twice.") % {"name": name[:64]})
        if len(found[0]) > MAX_VALUE or not found[0].isprintable():
            text = gettext("The parameter %(name)s may have %(most)d printable characters at most.")
            raise Invalid(name[:64], text % {"name": name[:64], "most": MAX_VALUE})
        values[name] = found[0]
    client_type = _one_of(values, "type", ("web_console", "rep"))
    web = client_type == "web_console"
    operation = _one_of(values, "operation", ("execute",) if web else ("execute", "generate"))
    action = _one_of(values, "action", (START_JUMP,) if web else ACTIONS)
    if web:
        check_criteria(values)
    return Command(type=client_type, operation=operation, action=action, parameters=values)


def check_criteria(values: Mapping[str, str]) -> None:
    """Only known criteria, and at least one that narrows the choice. Raises Invalid."""
    for name in values:
        if name.startswith("session.custom."):
            text = gettext("This site has no session attribute %(name)s.")
            raise Invalid(name[:64], text % {"name": name.removeprefix("session.custom.")[:64]})
        if name not in CRITERIA:
            raise Invalid(name[:64], _expected(name, CRITERIA))
    if "jump.method" in values and values["jump.method"] not in METHODS:
        raise Invalid("jump.method", _expected("jump.method", METHODS))
    if not any(values[name].strip() for name in values if name != "jump.method"):
        raise Invalid("search_string", gettext("Give a search_string, or one of the client. criteria."))


def _one_of(values: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = values.pop(name, "")
    if value not in allowed:
        raise Invalid(name, _expected(name, allowed))
    return value


def _expected(name: str, allowed: tuple[str, ...]) -> str:
    return gettext("%(name)s is not understood here. Expected: %(allowed)s.") % {
        "name": name[:64],
        "allowed": ", ".join(allowed),
    }
