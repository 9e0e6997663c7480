"""Folders of remote computers to which a user's file transfer is limited (R-191), as they are entered and stored.

Rules: a path is absolute in the form of some endpoint (`/srv`, `C:\\Data`, `\\\\server\\share`) and has no `..`; the
endpoint resolves links and compares. An empty list means everywhere: whether files may be transferred at all is a
permission.
"""

import re
from typing import Any, Final

import msgspec
from django.utils.translation import gettext

from farhand.protocol.messages import Limits
from farhand.web.project.errors import Invalid

ABSOLUTE: Final = re.compile(r"/|[A-Za-z]:[\\/]|\\\\[^\\/]")


class FileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Folders for download (`files_read`) and for upload, rename and delete (`files_write`)."""

    files_read: tuple[str, ...] = ()
    files_write: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """As it is stored; lists that limit nothing are left out. Raises Invalid with the field's name."""
        lists = {"files_read": self.files_read, "files_write": self.files_write}
        return {name: paths for name, given in lists.items() if (paths := _clean(name, given))}


EVERYWHERE: Final = FileLimits()


def parse(text: str) -> tuple[str, ...]:
    """Split a text with one folder a line."""
    return tuple(line for line in text.splitlines() if line.strip())


def _clean(field: str, given: tuple[str, ...]) -> list[str]:
    paths = list(dict.fromkeys(path.strip() for path in given))
    for path in paths:
        if not ABSOLUTE.match(path) or ".." in re.split(r"[\\/]", path) or not path.isprintable():
            raise Invalid(field, gettext("%(path)s is not the full path of a folder.") % {"path": path[:64]})
    try:
        msgspec.convert({field: paths}, Limits)
    except msgspec.ValidationError as error:
        raise Invalid(field, gettext("Enter at most 64 folders of at most 1024 characters.")) from error
    return paths
