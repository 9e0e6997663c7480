"""The one table of abilities and reasons, and those who speak from it."""

import re
from pathlib import Path

import farhand
from farhand.agent.core.abilities import cannot, noted, why
from farhand.protocol.abilities import ABILITIES, REASONS
from farhand.protocol.messages import Abilities, Ability

SOURCE = Path(farhand.__file__).parent


def test_every_ability_has_a_name_in_the_order_of_the_message() -> None:
    assert ["kind", *ABILITIES] == list(Abilities.__struct_fields__)


def test_codes_are_words_and_sentences_fit_into_the_message() -> None:
    for code, sentence in REASONS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert sentence.endswith(".")
        assert len(sentence) <= 256  # another language takes more


def test_every_reason_is_given_by_somebody_and_no_other() -> None:
    given = {
        code
        for path in [*SOURCE.glob("agent/**/*.py"), SOURCE / "web/jump/abilities.py"]
        for code in re.findall(r"""\b(?:cannot|noted|why|_sentence)\("([^"]+)"\)""", path.read_text())
    }
    assert given == set(REASONS)


def test_an_ability_that_is_not_there_says_why_twice() -> None:
    assert cannot("no-desktop") == Ability(code="no-desktop", reason=why("no-desktop"))
    assert why("no-desktop") == "There is no desktop now."


def test_what_is_to_be_known_of_an_ability_is_said_too() -> None:
    assert noted("portal-once") == Ability(can=True, code="portal-once", reason=why("portal-once"))
