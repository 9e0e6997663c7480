"""Gettext catalogs without the gettext programs: take texts out of the code, check translations, compile them.

    tools/catalogs.py extract   bring locale/*.po up to date: new texts come in, translations stay, unused texts go
    tools/catalogs.py check     fail, naming every text that is missing, empty, fuzzy, unused, or has other placeholders
    tools/catalogs.py compile   write what programs read: .mo for Django and the client, JSON for the console

Why it exists: a translation that is not there must break the build, not a customer's evening; and a newcomer needs no
gettext package.

Rules: English in the code is the source and has no catalog. One domain per kind of program: `django` (web: Python and
templates), `client` (agent), `console` (browser). How texts are found stands in catalog_sources.py. Files are written
in a stable order and without dates, so that two branches merge.

The console's file is `{"text": "translation", "{n} file": ["{n} Datei", "{n} Dateien"]}`: the key of `tn()` is its
singular. Under the empty key stand `language` and `zeroIsOne`, which says whether 0 takes the singular (French).
"""

import argparse
import io
import json
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from catalog_sources import DOMAINS, Key, Text, texts

ROOT = Path(__file__).resolve().parent.parent

PLURALS = {
    "de": ("nplurals=2; plural=(n != 1);", {"zeroIsOne": False}),
    "fr": ("nplurals=2; plural=(n > 1);", {"zeroIsOne": True}),
    "nl": ("nplurals=2; plural=(n != 1);", {"zeroIsOne": False}),
}
"""Per language: gettext's rule, and what the console needs to know of it."""

PLACEHOLDER = re.compile(r"%\([^)]+\)[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]|%[-#0 +]*\d*(?:\.\d+)?[sdifrx]|%%|\{[^{}\s]*\}")


def po_path(root: Path, language: str, domain: str) -> Path:
    """Where the catalog of one language and domain is kept."""
    return root / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def load(root: Path, language: str, domain: str) -> Catalog:
    """Reads one catalog; an absent file is an empty catalog."""
    path = po_path(root, language, domain)
    if not path.exists():
        return Catalog(locale=language, domain=domain)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def key_of(message_id: str | tuple[str, ...] | list[str], context: str | None) -> Key:
    """What tells messages apart in gettext: context and singular text."""
    return (context, message_id if isinstance(message_id, str) else message_id[0])


def forms(value: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """A message text or translation as a list of its plural forms."""
    if value is None:
        return [""]
    return [value] if isinstance(value, str) else [form or "" for form in value]


def merged(wanted: dict[Key, Text], old: Catalog, language: str, domain: str) -> Catalog:
    """A fresh catalog with exactly the wanted texts, and the translations that `old` has for them."""
    known = {key_of(message.id, message.context): message for message in old if message.id}
    new = Catalog(locale=language, domain=domain)
    for key, text in sorted(wanted.items(), key=lambda item: (item[0][1].casefold(), item[0])):
        message_id: str | tuple[str, str] = (text.singular, text.plural) if text.plural else text.singular
        before = known.get(key)
        translation: str | list[str] | None = None
        if before is not None and isinstance(before.id, str) == isinstance(message_id, str):
            translation = list(before.string) if isinstance(before.string, tuple) else before.string
        new.add(
            message_id,
            translation,
            locations=[(place, None) for place in sorted(text.places)],
            flags=(set(before.flags) & {"fuzzy"}) | text.flags if before is not None else text.flags,
            user_comments=before.user_comments if before is not None else (),
            context=text.context,
        )
    return new


def render(catalog: Catalog, language: str) -> bytes:
    """The catalog as a .po file with a header that has no dates."""
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {PLURALS[language][0]}\\n"\n\n'
    )
    body = io.BytesIO()
    write_po(body, catalog, width=100, omit_header=True, include_lineno=False, ignore_obsolete=True)
    return header.encode() + body.getvalue().strip(b"\n") + (b"\n" if len(catalog) else b"")


def extract(root: Path) -> list[str]:
    """Rewrites every catalog; returns a line for each with the number of texts still without translation."""
    lines = []
    for domain in DOMAINS:
        wanted = texts(root, domain)
        for language in PLURALS:
            catalog = merged(wanted, load(root, language, domain), language, domain)
            path = po_path(root, language, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(render(catalog, language))
            empty = sum(1 for message in catalog if message.id and not all(forms(message.string)))
            lines.append(f"{path.relative_to(root)}: {len(wanted)} texts, {empty} without translation")
    return lines


def placeholders(text: str) -> Counter[str]:
    """The placeholders of a text with how often each occurs: %(name)s, %s, {name}."""
    return Counter(found for found in PLACEHOLDER.findall(text) if found != "%%")


def translation_problems(text: Text, translation: list[str], fuzzy: bool) -> list[str]:
    """What is wrong with the translation of one text, in words."""
    found = []
    if fuzzy:
        found.append("is fuzzy")
    if not all(form.strip() for form in translation):
        return [*found, "has no translation"]
    if len(translation) != (2 if text.plural else 1):
        return [*found, f"has {len(translation)} plural forms"]
    sources = [text.singular, text.plural] if text.plural else [text.singular]
    for source, form in zip(sources, translation, strict=True):
        # The singular may leave a number out ("one file"), and may use it where the source does not.
        allowed = [placeholders(candidate) for candidate in (sources if source is sources[0] else [source])]
        if placeholders(form) not in allowed:
            found.append(f"has other placeholders in {form!r}")
    return found


def check(root: Path) -> list[str]:
    """Every problem of every catalog, one line each."""
    found = []
    for domain in DOMAINS:
        wanted = texts(root, domain)
        for language in PLURALS:
            catalog = load(root, language, domain)
            name = po_path(root, language, domain).relative_to(root)
            known = {key_of(message.id, message.context): message for message in catalog if message.id}
            for key, text in wanted.items():
                message = known.get(key)
                if message is None or (len(forms(message.id)) == 2) != bool(text.plural):
                    found.append(f"{name}: {text.singular!r} is missing ({min(text.places)})")
                    continue
                if text.plural and forms(message.id)[1] != text.plural:
                    found.append(f"{name}: {text.singular!r} has another plural than the code")
                problems = translation_problems(text, forms(message.string), message.fuzzy)
                found.extend(f"{name}: {text.singular!r} {problem}" for problem in problems)
            unused = [key for key in known if key not in wanted] + list(catalog.obsolete)
            found.extend(
                f"{name}: {key[1] if isinstance(key, tuple) else key!r} is not used any more" for key in unused
            )
    return found


def console_catalog(catalog: Catalog, language: str) -> dict[str, object]:
    """The console's form of a catalog; texts without translation are left out and appear in English."""
    data: dict[str, object] = {"": {"language": language, **PLURALS[language][1]}}
    for message in sorted((message for message in catalog if message.id), key=lambda message: forms(message.id)[0]):
        translation = forms(message.string)
        if all(translation) and not message.fuzzy:
            data[forms(message.id)[0]] = translation if len(forms(message.id)) == 2 else translation[0]
    return data


def compile_catalogs(root: Path) -> list[Path]:
    """Writes what the programs read; returns the files."""
    written = []
    for language in PLURALS:
        for domain in ("django", "client"):
            target = root / "src/farhand/locale" / language / "LC_MESSAGES" / f"{domain}.mo"
            target.parent.mkdir(parents=True, exist_ok=True)
            catalog = load(root, language, domain)
            with target.open("wb") as file:
                write_mo(file, catalog)
            written.append(target)
        if (root / "web/console").is_dir():
            target = root / "web/console/src/generated/catalogs" / f"{language}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            data = console_catalog(load(root, language, "console"), language)
            target.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            written.append(target)
    return written


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Runs one command; returns 1 when `check` found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("extract", "check", "compile"))
    command = parser.parse_args(arguments).command
    if command == "extract":
        print("\n".join(extract(root)))
    elif command == "check":
        if found := check(root):
            print("\n".join(found))
            print(f"{len(found)} problems; `make catalogs` brings the files up to date, then translate what is empty.")
            return 1
    else:
        compile_catalogs(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
