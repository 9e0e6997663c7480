"""What the customer is told and asked: nothing that a representative may do is left out."""

from functools import reduce
from operator import or_
from typing import get_args

from farhand.agent.core.tools import Question, ToolName
from farhand.agent.customer.ui import at_once, question_text, when_allowed
from farhand.protocol.channels import Grant


def test_every_tool_has_its_question() -> None:
    texts = [question_text(Question(tool, "Rep One")) for tool in get_args(ToolName)]
    assert len(set(texts)) == len(texts)
    assert all("Rep One" in text for text in texts)


def test_who_asks_is_shown_as_text() -> None:
    assert "\x1b" not in question_text(Question("screen", "Rep \x1b[2J"))


def test_every_grant_is_told_before_the_session() -> None:
    told = at_once() + when_allowed()
    grants = [access.grants for access in told]
    assert reduce(or_, grants) == reduce(or_, Grant), "a grant that the customer is not told of before the consent"
    assert sum(len(grant) for grant in grants) == len(Grant), "a grant that two sentences tell of"
    assert len({access.text for access in told}) == len(told)


def test_only_chat_and_facts_come_without_a_question() -> None:
    assert [access.grants for access in at_once()] == [Grant.CHAT | Grant.SYSTEM]
