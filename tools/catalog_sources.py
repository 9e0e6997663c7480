"""Finds the texts for people in Python, Django templates, TypeScript and Svelte.

Why it exists: catalogs.py decides what happens with texts; this module knows where they stand and how they are marked.

Rules: a text is a literal. A template string with `${` in a marked call is an error, because its text would never be
translated; the console says `t("Signed in as {name}", { name })` instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.extract import extract as babel_extract
from django.utils.translation.template import templatize

Key = tuple[str | None, str]
DOMAINS = ("django", "client", "console")

PYTHON_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "N_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass
class Text:
    """One text: its forms, its context, and the files that it occurs in."""

    singular: str
    plural: str | None = None
    context: str | None = None
    places: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)


Found = tuple[str, str | None, str | None]
"""Singular, plural, context."""


def python_texts(source: str) -> Iterator[Found]:
    """The texts of gettext calls in Python source."""
    lines = iter(line.encode() for line in source.splitlines(keepends=True))
    reader = _LineReader(list(lines))
    for _line, message, _comments, context in babel_extract(
        "python", reader, keywords=PYTHON_KEYWORDS, options={"encoding": "utf-8"}
    ):
        if isinstance(message, str):
            yield message, None, context
        else:
            yield message[0], message[1] if len(message) > 1 else None, context


class _LineReader:
    """The little of a binary file that Babel's extractors need, over lines that are in memory."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._next = 0

    def readline(self, _size: int = -1) -> bytes:
        line = self._lines[self._next] if self._next < len(self._lines) else b""
        self._next += 1
        return line

    def read(self, _size: int = -1) -> bytes:
        rest = b"".join(self._lines[self._next :])
        self._next = len(self._lines)
        return rest

    def seek(self, position: int, _whence: int = 0) -> int:
        if position != 0:
            raise ValueError("only the start can be sought")
        self._next = 0
        return 0

    def tell(self) -> int:
        return 0 if self._next == 0 else -1


def template_texts(source: str) -> Iterator[Found]:
    """The texts of a Django template: translate, trans, blocktranslate, and `_()` in any tag."""
    # Django turns a template into lines that read like Python, the rest blanked to letters; indentation means nothing.
    lines = [line.strip() for line in templatize(source).splitlines()]
    for line in lines:
        if "(" in line:
            yield from python_texts(line + "\n")


LITERAL = r"""(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
TEXT = rf"{LITERAL}(?:\s*\+\s*{LITERAL})*"
CALL = re.compile(rf"(?<![\w.$])(tn?)\(\s*(?:({TEXT})(?:\s*,\s*({TEXT}))?)")
COMMENT = re.compile(r"(?<![:\w\"'`])//[^\n]*|/\*.*?\*/|<!--.*?-->", re.DOTALL)
ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|\n|.)", re.DOTALL)
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def script_value(expression: str, place: str) -> str:
    """The value of a literal, or of literals joined by `+`, in TypeScript."""

    def unescape(match: re.Match[str]) -> str:
        code = match[2] or match[3] or match[4]
        if code:
            return chr(int(code, 16))
        return "" if match[1] == "\n" else SIMPLE_ESCAPES.get(match[1], match[1])

    parts = re.findall(LITERAL, expression)
    if any(part.startswith("`") and "${" in part for part in parts):
        raise ValueError(
            f"{place}: t() with a `${{...}}` inside its text; use {{name}} and pass the value: {expression}"
        )
    return "".join(ESCAPE.sub(unescape, part[1:-1]) for part in parts)


def script_texts(source: str, place: str) -> Iterator[Found]:
    """The texts of `t("...")` and `tn("one", "many", n)` in TypeScript or Svelte source."""
    for match in CALL.finditer(COMMENT.sub("", source)):
        singular = script_value(match[2], place)
        if match[1] == "t":
            yield singular, None, None
        elif match[3] is None:
            raise ValueError(f"{place}: tn() needs two literal texts: {match[0]}")
        else:
            yield singular, script_value(match[3], place), None


def _shared(root: Path) -> Iterator[Path]:
    """Tables of texts that the client and the web say alike, each from its own catalog."""
    yield from (root / "src/farhand/protocol").rglob("abilities.py")


def domain_files(root: Path, domain: str) -> Iterator[Path]:
    """The files whose texts belong to a domain."""
    if domain == "django":
        for folder in ("web", "rules"):  # rules only mark their texts; web translates them for the person who reads
            yield from (root / "src/farhand" / folder).rglob("*.py")
        yield from _shared(root)
        yield from (root / "src/farhand/protocol").glob("actions.py")
        for suffix in ("html", "txt"):
            yield from (path for path in (root / "src/farhand/web").rglob(f"*.{suffix}") if "templates" in path.parts)
    elif domain == "client":
        yield from (root / "src/farhand/agent").rglob("*.py")
        yield from _shared(root)
    else:
        for path in (root / "web").rglob("*"):
            skipped = {"node_modules", "generated", "dist"}.intersection(path.parts)
            test = path.name.endswith((".test.ts", ".spec.ts", ".d.ts"))
            if path.suffix in {".ts", ".svelte"} and "src" in path.relative_to(root).parts and not skipped and not test:
                yield path


def file_texts(path: Path, place: str) -> Iterator[Found]:
    """The texts of one file, by its kind."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return python_texts(source)
    if path.suffix in {".ts", ".svelte"}:
        return script_texts(source, place)
    return template_texts(source)


def texts(root: Path, domain: str) -> dict[Key, Text]:
    """All texts of a domain; raises ValueError where one text has two different plurals."""
    found: dict[Key, Text] = {}
    for path in sorted(domain_files(root, domain)):
        place = path.relative_to(root).as_posix()
        for singular, plural, context in file_texts(path, place):
            if not singular:
                continue
            text = found.setdefault((context, singular), Text(singular, plural, context))
            if plural and text.plural and plural != text.plural:
                raise ValueError(f"{place}: {singular!r} has two plurals: {plural!r} and {text.plural!r}")
            text.plural = text.plural or plural
            text.places.add(place)
            if re.search(r"%\(\w+\)|%[sd]", singular):
                text.flags.add("python-format")
    return found
