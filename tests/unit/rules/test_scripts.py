"""Canned scripts: the lines of parameters, the values that are given for them, and who may use which script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.protocol.scripts import MAX_PARAMETERS
from farhand.rules import permissions
from farhand.rules.access import Object, Subject, decide
from farhand.rules.scripts import Parameter, ParameterError, parse, values, write

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,31}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40).filter(
    lambda text: "=" not in text
)
PARAMETERS = st.lists(
    st.builds(Parameter, name=NAMES, label=PLAIN, default=st.one_of(st.just(""), PLAIN), required=st.booleans()),
    max_size=MAX_PARAMETERS,
    unique_by=lambda one: one.name,
)


def test_a_line_is_a_name_a_label_and_perhaps_a_default() -> None:
    found = parse("HOST: Computer\r\n\nPORT: Port = 22\nNOTE?: Remark: why")
    assert found == [
        Parameter(name="HOST", label="Computer"),
        Parameter(name="PORT", label="Port", default="22"),
        Parameter(name="NOTE", label="Remark: why", required=False),
    ]


@pytest.mark.parametrize(
    "line",
    ["host: x", "HOST", "HOST:", "1A: x", "A-B: x", "A\0: x", "PATH;: x", f"A: {'x' * 65}", "A: \x1b[m", "A: x\nA: y"],
)
def test_what_is_not_understood_names_its_line(line: str) -> None:
    with pytest.raises(ParameterError, match="Line"):
        parse(line)


@given(PARAMETERS)
def test_what_is_written_is_read_again(parameters: list[Parameter]) -> None:
    assert parse(write(parameters)) == parameters


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ParameterError:
        return
    assert len(found) <= MAX_PARAMETERS
    assert parse(write(found)) == found


@given(PARAMETERS, st.dictionaries(NAMES, st.text(max_size=20), max_size=4))
def test_values_are_one_plain_line_for_each_parameter(parameters: list[Parameter], given_: dict[str, str]) -> None:
    try:
        found = values(parameters, given_)
    except ParameterError:
        return
    assert set(found) == {one.name for one in parameters}
    assert not any(ord(one) < 32 for value in found.values() for one in value)


def test_a_value_that_is_needed_or_unknown_is_named() -> None:
    parameters = parse("HOST: Computer\nNOTE?: Remark")
    assert values(parameters, {"HOST": "$(id)"}) == {"HOST": "$(id)", "NOTE": ""}
    for wrong in ({}, {"HOST": " "}, {"HOST": "a\nb"}, {"HOST": "a", "OTHER": "b"}, {"HOST": "x" * 513}):
        with pytest.raises(ParameterError):
            values(parameters, wrong)


@pytest.mark.parametrize(
    "wrong", ["\x7f", "\x80", "\x85", "\x9b", "\u2028", "\u2029", "\ud800", "\u200e", "\u202e", "\u2069"]
)
def test_a_value_is_one_line_that_reads_as_it_is_stored(wrong: str) -> None:
    with pytest.raises(ParameterError, match="one line"):
        values(parse("A: Computer"), {"A": f"a{wrong}b"})
    with pytest.raises(ParameterError, match="Line"):
        parse(f"A: Compu{wrong}ter")
    with pytest.raises(ParameterError, match="Line"):
        parse(f"A: Computer = a{wrong}b")


def test_a_value_may_be_in_any_script() -> None:
    for right in ("a\u00e9\u00df", "\u05d0\u05d1", "\u4e2d", "\N{ROCKET}", "a\u00a0b", "\u0915\u094d\u200d"):
        assert values(parse("A: Computer"), {"A": right}) == {"A": right}


def test_all_values_together_fit_into_the_record() -> None:
    parameters = parse("\n".join(f"A{number}?: a" for number in range(9)))
    most = {f"A{number}": "x" * 508 for number in range(7)}
    fits = most | {"A7": "x" * 504, "A8": ""}
    assert sum(len(name) + len(value) + 2 for name, value in fits.items()) == 4096
    assert values(parameters, fits) == fits
    with pytest.raises(ParameterError, match="together"):
        values(parameters, fits | {"A8": "x"})


TEAMS = st.frozensets(st.sampled_from(["a", "b", "c"]))
SOME = st.frozensets(st.sampled_from(["linux", "windows", "user", "system"]))


#
@given(
    TEAMS, TEAMS, st.booleans(), SOME, SOME, st.sampled_from(["linux", "windows", ""]), st.sampled_from(["user", ""])
)
def test_a_script_is_used_by_its_teams_on_its_systems_in_its_contexts(
    mine: frozenset[str],
    teams: frozenset[str],
    everybody: bool,
    platforms: frozenset[str],
    contexts: frozenset[str],
    platform: str,
    context: str,
) -> None:
    facts: dict[str, object] = {
        "everybody": everybody, "teams": teams, "platforms": platforms, "contexts": contexts, "platform": platform,
    }  # fmt: skip
    if context:
        facts["context"] = context
    subject = Subject(kind="user", id="u", teams=mine)
    expected = (everybody or bool(mine & teams)) and platform in platforms and (not context or context in contexts)
    assert decide(subject, "scripts.script.order", Object(kind="canned_script", facts=facts)).allowed == expected


@pytest.mark.parametrize("kind", ["system", "agent", "customer", "anonymous", "appliance-user"])
def test_nobody_but_users_orders_one(kind: str) -> None:
    facts: dict[str, object] = {"everybody": True, "platforms": ("linux",), "contexts": ("user",), "platform": "linux"}
    subject = Subject(kind=kind, id="u", permissions=permissions.NAMES)  # type: ignore[arg-type]
    assert not decide(subject, "scripts.script.order", Object(kind="canned_script", facts=facts))


def test_facts_that_are_missing_or_strange_allow_nothing() -> None:
    subject = Subject(kind="user", id="u", teams=frozenset({"a"}))
    good: dict[str, object] = {"everybody": True, "platforms": ("linux",), "contexts": ("user",), "platform": "linux"}
    assert decide(subject, "scripts.script.order", Object(kind="canned_script", facts=good))
    for wrong in ({"everybody": "yes"}, {"platforms": "linux"}, {"platform": None}, {"context": None}):
        assert not decide(subject, "scripts.script.order", Object(kind="canned_script", facts=good | wrong)), wrong
    assert not decide(subject, "scripts.script.order", Object(kind="canned_script"))
