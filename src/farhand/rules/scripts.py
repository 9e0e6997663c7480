"""Parameters of canned scripts: how an administrator writes them, and what a representative may give for them.

One line each: `NAME: Label`, `NAME: Label = default`; `NAME?: Label` may stay empty. A name becomes an environment
variable, so it is made of A-Z, 0-9 and `_`. Rules: what is not understood is refused with the number of its line; a
value is text without line breaks, other control characters and such that turn the direction of writing, of any words:
Farhand never reads it as a command.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from farhand.protocol.scripts import MAX_PARAMETERS, MAX_VALUE, MAX_VALUES
from farhand.rules.text import gettext_noop as _

MAX_LABEL: Final = 64
MAX_LINES: Final = 16_384
"""Longest text of all lines, in characters."""
_NO_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that are not part of a line of text (Unicode, chapter 4.5)."""
_TURNS: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks, embeddings, overrides and isolates of writing direction (UAX #9): a record would show another value."""
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a script."""

    name: str
    label: str
    default: str = ""
    required: bool = True


class ParameterError(Exception):
    """`text` is an English sentence with the placeholder `%(about)s`: a line's number, or a parameter's label."""

    def __init__(self, text: str, about: str) -> None:
        super().__init__(text)
        self.text = text
        self.about = about


def parse(text: str) -> list[Parameter]:
    """Read the lines of a script's parameters. Raises ParameterError."""
    if len(text) > MAX_LINES:
        raise ParameterError(_("The parameters are longer than %(about)s characters."), str(MAX_LINES))
    found: list[Parameter] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not line.strip():
            continue
        parameter = _line(line, str(number))
        if any(parameter.name == one.name for one in found):
            raise ParameterError(_("Line %(about)s: this name is there already."), str(number))
        found.append(parameter)
    if len(found) > MAX_PARAMETERS:
        raise ParameterError(_("A script has at most %(about)s parameters."), str(MAX_PARAMETERS))
    return found


def write(parameters: Sequence[Parameter]) -> str:
    """Return the lines that `parse` reads."""
    return "\n".join(
        f"{one.name}{'' if one.required else '?'}: {one.label}{f' = {one.default}' if one.default else ''}"
        for one in parameters
    )


def values(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each parameter: what was given, or its default. Raises ParameterError.

    What is given for no parameter is refused too: the console and the site speak of different scripts then.
    """
    names = {one.name for one in parameters}
    if any(name not in names for name in given):
        raise ParameterError(_("This script has no such parameter (%(about)s). Open it again."), "?")
    found: dict[str, str] = {}
    for one in parameters:
        value = given.get(one.name, one.default)
        if len(value) > MAX_VALUE or not _plain(value):
            raise ParameterError(_("%(about)s: one line of at most 512 characters is needed."), one.label)
        if one.required and not value.strip():
            raise ParameterError(_("%(about)s: fill in a value."), one.label)
        found[one.name] = value
    if sum(len(name) + len(value) + 2 for name, value in found.items()) > MAX_VALUES:
        raise ParameterError(
            _("All names and values together are longer than %(about)s characters. Shorten a value."), str(MAX_VALUES)
        )
    return found


def _line(line: str, number: str) -> Parameter:
    head, colon, rest = line.partition(":")
    name = head.strip()
    optional = name.endswith("?")
    name = name.removesuffix("?").rstrip()
    if not colon or not _NAME.fullmatch(name):
        raise ParameterError(
            _("Line %(about)s: write NAME: Label, where the name is made of A-Z, 0-9 and _ and begins with a letter."),
            number,
        )
    label, _equals, default = (part.strip() for part in rest.partition(" = "))
    if not 1 <= len(label) <= MAX_LABEL or not _plain(label):
        raise ParameterError(_("Line %(about)s: a label of 1 to 64 characters is needed."), number)
    if len(default) > MAX_VALUE or not _plain(default):
        raise ParameterError(_("Line %(about)s: the default is longer than 512 characters."), number)
    return Parameter(name=name, label=label, default=default, required=not optional)


def _plain(text: str) -> bool:
    """One line that reads as it is stored: no control characters, line separators, lone surrogates, and nothing that
    turns the direction of writing."""
    return not any(unicodedata.category(one) in _NO_LINE or one in _TURNS for one in text)
