"""`{% asset "console/src/main.ts" %}` and `{% asset_if_built "admin/src/main.ts" %}`: what Vite built; `{% menu %}`;
`{{ text|translated }}`.
"""

import functools
import json
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from farhand.web.design.menu import Section, menu_for

register = template.Library()


def manifest() -> dict[str, dict[str, Any]]:
    """Vite's manifest of the built front end; empty when it has not been built."""
    built = Path(settings.FARHAND_BUILT)
    for path in (built / ".vite" / "manifest.json", built / "manifest.json"):
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    return {}


@register.simple_tag
def asset(entry: str) -> SafeString:
    """Write the elements that load a built entry: style sheets, preloads, module script."""
    found = _elements(entry)
    if found is None:
        raise ImproperlyConfigured(f"The front end '{entry}' has not been built. Run “make run”, which builds it.")
    return found


@register.simple_tag
def asset_if_built(entry: str) -> SafeString:
    """Like `asset`, for pages that work without it."""
    return _elements(entry) or SafeString("")


@register.simple_tag(takes_context=True)
def menu(context: dict[str, Any]) -> list[Section]:
    """The menu of who looks at this page."""
    request: HttpRequest = context["request"]
    return menu_for(request.actor.subject, request.path)  # type: ignore[attr-defined]


@register.filter
def translated(text: str) -> str:
    """Translate a text that was marked in `rules` or a menu."""
    return gettext(text) if text else ""


@functools.lru_cache(maxsize=4)
def _read(path: Path, _stamp: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


def _elements(entry: str) -> SafeString | None:
    chunks = manifest()
    key = next(
        (
            key
            for key, chunk in chunks.items()
            if chunk.get("isEntry") and entry in {key, chunk.get("name"), Path(key).stem}
        ),
        None,
    )
    if key is None:
        return None
    order, styles = _closure(chunks, key)
    parts = [format_html('<link rel="stylesheet" href="{}">', _url(name)) for name in styles]
    parts += [format_html('<link rel="modulepreload" href="{}">', _url(name)) for name in order[1:]]
    parts.append(format_html('<script type="module" src="{}"></script>', _url(order[0])))
    return format_html_join("\n", "{}", ((part,) for part in parts))


def _closure(chunks: dict[str, dict[str, Any]], key: str) -> tuple[list[str], list[str]]:
    """Files of a chunk and all that it imports at once (itself first), and their style sheets."""
    files: dict[str, None] = {}
    styles: dict[str, None] = {}
    todo = [key]
    seen: set[str] = set()
    while todo:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.add(name)
        chunk = chunks[name]
        files[chunk["file"]] = None
        styles.update(dict.fromkeys(chunk.get("css", [])))
        todo += chunk.get("imports", [])
    return list(files), list(styles)


def _url(name: str) -> str:
    return static(f"built/{name}")
