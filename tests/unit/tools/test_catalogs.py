"""Catalogs: texts are found in every kind of source, and every kind of fault is named."""

import gettext
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import catalog_sources
import catalogs

TEMPLATE = """{% load i18n %}<p>It's (here {% translate "Hello" %}</p>
  {% blocktranslate trimmed count n=x %}
   One {{ n }} file
  {% plural %} {{ n }} files {% endblocktranslate %} <a title="{% translate 'Open' context 'verb' %}">
"""
PYTHON = 'def f():\n    return _("Hi %(name)s, "\n      "welcome"), pgettext("noun", "Open")\n'
SVELTE = """<script lang="ts">const a = t("Jump"); b = tn("{n} item", "{n} items", n); // t("no")
const u = "https://example.org"; const v = t('Say \\'hi\\' \\u00e9');</script>
<p>don't {t("long " +
  "text")} {props.t("not mine")} {set("q")}</p>"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project with one source of each kind."""
    for name, text in {
        "src/farhand/web/portal/templates/a.html": TEMPLATE,
        "src/farhand/web/views.py": PYTHON,
        "src/farhand/agent/main.py": '_("End Session")\n',
        "web/console/src/App.svelte": SVELTE,
        "web/console/src/generated/skip.ts": 't("generated")',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def translate(root: Path, language: str, domain: str, **changes: str) -> None:
    """Fills a catalog: every text is its own translation, but for the given changes."""
    catalog = catalogs.load(root, language, domain)
    for message in catalog:
        if message.id:
            same = message.id if isinstance(message.id, str) else tuple(message.id)
            message.string = changes.get(same, same) if isinstance(same, str) else same
    catalogs.po_path(root, language, domain).write_bytes(catalogs.render(catalog, language))


def complete(root: Path) -> None:
    """Extracts, and fills every catalog."""
    catalogs.extract(root)
    for language in catalogs.PLURALS:
        for domain in catalogs.DOMAINS:
            translate(root, language, domain)


def test_texts_are_found_in_every_kind_of_source(root: Path) -> None:
    assert {key: text.plural for key, text in catalog_sources.texts(root, "django").items()} == {
        (None, "Hello"): None,
        (None, "One %(n)s file"): "%(n)s files",
        ("verb", "Open"): None,
        ("noun", "Open"): None,
        (None, "Hi %(name)s, welcome"): None,
    }
    assert set(catalog_sources.texts(root, "client")) == {(None, "End Session")}
    assert {key[1]: text.plural for key, text in catalog_sources.texts(root, "console").items()} == {
        "Jump": None,
        "{n} item": "{n} items",
        "Say 'hi' é": None,
        "long text": None,
    }


def test_a_complete_catalog_passes_and_extract_changes_nothing(root: Path) -> None:
    complete(root)
    assert catalogs.check(root) == []
    before = {path: path.read_bytes() for path in root.rglob("*.po")}
    catalogs.extract(root)
    assert {path: path.read_bytes() for path in root.rglob("*.po")} == before


def test_a_new_text_is_missing_then_empty_and_an_old_one_unused(root: Path) -> None:
    complete(root)
    (root / "src/farhand/agent/main.py").write_text('_("Accept")\n')
    found = "\n".join(catalogs.check(root))
    assert "client.po: 'Accept' is missing" in found
    assert "client.po: 'End Session' is not used any more" in found or "End Session is not used" in found
    catalogs.extract(root)
    assert {line.split(": ", 1)[1] for line in catalogs.check(root)} == {"'Accept' has no translation"}


@pytest.mark.parametrize("translation", ["Hallo", "Hallo %(nam)s", "Hallo %(name)s %(name)s", "Hallo %s"])
def test_other_placeholders_are_named(root: Path, translation: str) -> None:
    complete(root)
    translate(root, "de", "django", **{"Hi %(name)s, welcome": translation})
    assert len(catalogs.check(root)) == 1
    assert "has other placeholders" in catalogs.check(root)[0]


def test_fuzzy_is_named(root: Path) -> None:
    complete(root)
    path = catalogs.po_path(root, "fr", "client")
    path.write_text(path.read_text().replace('msgid "End Session"', '#, fuzzy\nmsgid "End Session"'))
    assert [line.split(": ", 1)[1] for line in catalogs.check(root)] == ["'End Session' is fuzzy"]


def test_programs_read_what_compile_writes(root: Path) -> None:
    complete(root)
    translate(root, "de", "client", **{"End Session": "Sitzung beenden"})
    translate(root, "de", "console", Jump="Springen")
    catalogs.compile_catalogs(root)
    client = gettext.translation("client", root / "src/farhand/locale", ["de"])
    assert client.gettext("End Session") == "Sitzung beenden"
    console = json.loads((root / "web/console/src/generated/catalogs/de.json").read_text())
    assert console["Jump"] == "Springen"
    assert console["{n} item"] == ["{n} item", "{n} items"]
    assert console[""] == {"language": "de", "zeroIsOne": False}


def test_a_text_that_could_never_be_translated_is_an_error() -> None:
    with pytest.raises(ValueError, match="use \\{name\\} and pass the value"):
        list(catalog_sources.script_texts("t(`Hi ${name}`)", "a.ts"))
