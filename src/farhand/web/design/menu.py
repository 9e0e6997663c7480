"""The menu of /login: sections in the field's order, pages from every face that has some.

A face says what it brings in its module `menu`: `PAGES: tuple[Page, ...]`. Rules: a page is shown to whom the rules
allow its action, a section when it has a page that is shown.
"""

import functools
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import msgspec

from farhand.rules.access import Object, Subject, decide
from farhand.rules.text import gettext_noop as _
from farhand.web.project.areas import FACES

SECTIONS: Final = (
    _("Status"),
    _("Consoles & Downloads"),
    _("My Account"),
    _("Configuration"),
    _("Jump"),
    _("Vault"),
    _("Console Settings"),
    _("Users & Security"),
    _("Reports"),
    _("Public Portals"),
    _("Localization"),
    _("Management"),
)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page: its section (one of `SECTIONS`), its label (English source), its address, the action that viewing it
    is.
    """

    section: str
    label: str
    path: str
    action: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section as one subject sees it."""

    label: str
    pages: list[Page]
    current: bool


@functools.cache
def pages() -> tuple[Page, ...]:
    """All pages of all faces."""
    found: list[Page] = []
    for face in FACES:
        if find_spec(f"farhand.web.{face}.menu"):
            found += import_module(f"farhand.web.{face}.menu").PAGES
    return tuple(found)


def menu_for(subject: Subject, path: str) -> list[Section]:
    """The menu of a subject who looks at `path`."""
    seen = [page for page in pages() if decide(subject, page.action, Object(kind="page"))]
    return [
        Section(label=label, pages=mine, current=any(path.startswith(page.path) for page in mine))
        for label in SECTIONS
        if (mine := [page for page in seen if page.section == label])
    ]
