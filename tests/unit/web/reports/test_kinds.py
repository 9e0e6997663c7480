"""Every kind of system entry has its words everywhere: in reports, in the console, at the customer's."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from farhand.agent.customer.program import SILENT_KINDS, describe
from farhand.protocol.channels import Party
from farhand.protocol.messages import SYSTEM_KINDS, Entry
from farhand.web.reports.sentences import sentence
from farhand.web.support.models import SessionEvent
from farhand.web.support.queries import event_name

JOURNAL = Path(__file__).resolve().parents[4] / "web/console/src/features/journal.ts"


@pytest.mark.parametrize("kind", sorted(SYSTEM_KINDS))
def test_a_kind_has_its_words(kind: str) -> None:
    with translation.override("en"):
        event = SessionEvent(kind=kind, text="", name="Rep", data={"by": "Rep", "shell": 1, "open": 0})
        assert event_name(event) != kind
        assert sentence(event)
    assert f'case "{kind}":' in JOURNAL.read_text()
    entry = Entry(
        seq=1, time_ms=1, id="0" * 36, leg=2, party=Party.CONSOLE, subject="", name="Rep", kind=kind, data={"by": "Rep"}
    )
    assert bool(describe(entry)) is (kind not in SILENT_KINDS)


def test_nothing_has_words_that_is_no_kind() -> None:
    assert set(re.findall(r'case "([^"]+)":', JOURNAL.read_text())) == SYSTEM_KINDS
    assert SILENT_KINDS <= SYSTEM_KINDS
