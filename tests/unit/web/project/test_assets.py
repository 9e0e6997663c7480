"""Vite's manifest becomes elements of the page."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from farhand.web.design.templatetags.farhand import asset, asset_if_built

MANIFEST = {
    "console/src/main.ts": {
        "file": "assets/console-Abc12345.js", "name": "console", "isEntry": True,
        "css": ["assets/console-1.css"], "imports": ["_shared.js"],
    },
    "_shared.js": {"file": "assets/shared-Def67890.js", "css": ["assets/shared-2.css"], "imports": ["_shared.js"]},
}  # fmt: skip


def test_an_entry_brings_its_styles_and_imports(settings: Any, tmp_path: Path) -> None:
    settings.FARHAND_BUILT = tmp_path
    (tmp_path / ".vite").mkdir()
    (tmp_path / ".vite" / "manifest.json").write_text(json.dumps(MANIFEST))
    written = asset("console")
    assert written.splitlines() == [
        '<link rel="stylesheet" href="/static/built/assets/console-1.css">',
        '<link rel="stylesheet" href="/static/built/assets/shared-2.css">',
        '<link rel="modulepreload" href="/static/built/assets/shared-Def67890.js">',
        '<script type="module" src="/static/built/assets/console-Abc12345.js"></script>',
    ]
    assert asset_if_built("unknown") == ""


def test_what_is_not_built_says_what_to_do(settings: Any, tmp_path: Path) -> None:
    settings.FARHAND_BUILT = tmp_path
    assert asset_if_built("admin") == ""
    with pytest.raises(ImproperlyConfigured, match="make run"):
        asset("console")
