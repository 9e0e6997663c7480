"""Every kind of system entry has its words everywhere: in reports, in the console, at the customer's."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from farhand.agent.customer.program import describe
from farhand.protocol.channels import Party
from farhand.protocol.entries import ENTRIES
from farhand.protocol.journal import SAID
from farhand.protocol.messages import Entry
from farhand.web.reports import sentences
from farhand.web.support.models import SessionEvent
from farhand.web.support.queries import EVENT_NAMES, WEB_EVENTS, event_name

CONSOLE = Path(__file__).resolve().parents[4] / "web/console/src"
VALUES = {str: "Rep", int: 1}


@pytest.mark.parametrize("kind", list(ENTRIES))
def test_a_kind_has_its_words(kind: str) -> None:
    data = {name: VALUES[type_] for name, type_ in ENTRIES[kind].fields.items()}
    with translation.override("en"):
        event = SessionEvent(kind=kind, text="", name="Rep", data=data)
        assert event_name(event) == ENTRIES[kind].event, f"reports have no name for {kind}"
        assert sentences.sentence(event), f"reports have no sentence for {kind}"
        assert sentences.sentence(SessionEvent(kind=kind, text="", name="Rep", data={})), f"{kind} without its fields"
    entry = Entry(
        seq=1, time_ms=1, id="0" * 36, leg=2, party=Party.CONSOLE, subject="", name="Rep", kind=kind, data=data
    )
    said = describe(entry)
    assert bool(said) is ENTRIES[kind].shown, f"the customer client and the table differ about {kind}"
    assert f'"{kind}":' in (CONSOLE / "features/sentences.ts").read_text(), f"the console has no words for {kind}"


@pytest.mark.parametrize("kind", sorted(set(WEB_EVENTS) - set(SAID)))
def test_what_the_control_plane_did_has_its_words(kind: str) -> None:
    with translation.override("en"):
        said = sentences.sentence(SessionEvent(kind=kind, text="", name="Ann", data={"to": "Bob"}))
    assert said.endswith(".")
    assert "%" not in said


def test_values_of_a_script_stand_in_quotes() -> None:
    data = {"by": "Ann", "name": "Greet", "parameters": 'A=x B=y\nB=\nC=say "hi" = \\'}
    with translation.override("en"):
        said = sentences.sentence(SessionEvent(kind="script-started", text="Greet", name="Ann", data=data))
    assert said == 'Ann ran the canned script Greet. A="x B=y" B="" C="say \\"hi\\" = \\\\"'


def test_a_script_that_was_cancelled_tells_by_whom() -> None:
    data = {"by": "Ann", "name": "Greet", "reason": "cancelled", "ended_by": "Bo"}
    with translation.override("en"):
        said = sentences.sentence(SessionEvent(kind="script-ended", text="on", name="Endpoint", data=data))
    assert said == "The canned script Greet was cancelled by Bo. Output: on"


def test_the_console_knows_the_same_kinds() -> None:
    found = re.search(r"ENTRY_KINDS = \[(.*?)\] as const", (CONSOLE / "wire/entries.ts").read_text(), re.DOTALL)
    assert found
    assert re.findall(r'"([^"]+)"', found[1]) == list(ENTRIES)
    assert re.findall(r'^  "([^"]+)": \(', (CONSOLE / "features/sentences.ts").read_text(), re.MULTILINE) == list(
        ENTRIES
    )


def test_what_reports_name_is_marked_for_the_catalogs() -> None:
    assert {kind.event for kind in ENTRIES.values()} <= EVENT_NAMES
    assert set(WEB_EVENTS.values()) <= EVENT_NAMES
