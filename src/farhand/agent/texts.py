"""Texts for people: `_()` of the catalog `client`, in the language of the person's environment.

Catalogs are compiled files inside the package (`farhand/locale/LANG/LC_MESSAGES/client.mo`), read through
`importlib.resources`, because the client runs from a single file. English is the source.
"""

import gettext
import os
from importlib import resources

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def _languages() -> list[str]:
    for variable in _VARIABLES:
        value = os.environ.get(variable, "")
        if value:
            names = [part.split(".")[0].split("@")[0] for part in value.split(":")]
            wanted = [form for name in names for form in (name, name.split("_")[0])]
            return [name for name in wanted if name.replace("_", "").isalpha()]
    return []


def _load() -> gettext.NullTranslations:
    root = resources.files("farhand").joinpath("locale")
    for language in _languages():
        file = root.joinpath(language, "LC_MESSAGES", "client.mo")
        if file.is_file():
            with file.open("rb") as handle:
                return gettext.GNUTranslations(handle)
    return gettext.NullTranslations()


_catalog = _load()


def _(text: str) -> str:
    """Return `text` in the person's language."""
    return _catalog.gettext(text)
