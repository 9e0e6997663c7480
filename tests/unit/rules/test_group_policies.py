"""Group policies: what is final stays, what is defined can be answered, and nobody gets what nobody gave."""

from hypothesis import given
from hypothesis import strategies as st

from farhand.rules.grants import defined
from farhand.rules.group_policies import Definition, GroupPolicy, gives, is_value, merged, name_of, resolve, values
from farhand.rules.permissions import ADMIN, BY_NAME, DENIALS, DENY, NAMES, PERMISSIONS, TOOL_DENIALS, TOOLS, exceeds
from farhand.rules.roles import ROLES

OWN = st.frozensets(st.sampled_from(sorted(NAMES)), max_size=6)
NAME = st.sampled_from([permission.name for permission in PERMISSIONS])


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Definition]:
    """What one policy says, of few permissions, so that policies meet."""
    names = draw(st.sets(NAME, max_size=5))
    return {
        name: Definition(
            status=draw(st.sampled_from(["defined", "final"])),
            value=draw(st.sampled_from([*values(BY_NAME[name]), DENY])),
        )
        for name in sorted(names)
    }


@st.composite
def policies(draw: st.DrawFn) -> list[GroupPolicy]:
    """Up to four policies in their order."""
    found = draw(st.lists(definitions(), max_size=4))
    return [GroupPolicy(id=str(number), name=f"P{number}", definitions=one) for number, one in enumerate(found)]


def policy(**said: str) -> GroupPolicy:
    """A policy in short: `policy(perm_admin="final:allow")`."""
    split = {name: text.split(":") for name, text in said.items()}
    made = {name: Definition(status=status, value=value) for name, (status, value) in split.items()}  # type: ignore[arg-type]
    return GroupPolicy(id="p", name="P", definitions=made)


@given(OWN)
def test_without_policies_an_account_holds_what_it_names(own: frozenset[str]) -> None:
    denied = {name.rpartition(".")[0] for name in own & DENIALS}
    held = resolve([], own).permissions
    assert held - DENIALS == {name for name in own - DENIALS if name.split(".")[0] not in denied}
    assert held & DENIALS == own & TOOL_DENIALS


@given(policies(), OWN)
def test_nobody_gets_what_nobody_gave(found: list[GroupPolicy], own: frozenset[str]) -> None:
    given_by = frozenset().union(*(gives(one.definitions) for one in found))
    held = resolve(found, own).permissions
    assert held <= own | given_by
    assert not exceeds(held, {ADMIN})


@given(policies(), policies(), OWN, NAME)
def test_what_is_final_stays(
    before: list[GroupPolicy], after: list[GroupPolicy], own: frozenset[str], name: str
) -> None:
    """Neither a later policy nor the account changes it; the first that is final counts."""
    first = next((one for one in before if name in one.definitions and one.definitions[name].status == "final"), None)
    if first is None:
        return
    alone = resolve(before, ()).sources[name]
    source = resolve([*before, *after], own).sources[name]
    assert source == alone
    assert (source.final, source.policy) == (True, first)
    assert source.names == {name_of(name, first.definitions[name].value)}


@given(policies(), OWN)
def test_the_account_answers_what_is_not_final(found: list[GroupPolicy], own: frozenset[str]) -> None:
    for name, source in resolve(found, own).sources.items():
        mine = own & BY_NAME[name].names
        if source.final or not mine:
            assert source.policy is not None
        else:
            assert source.policy is None
            assert source.names <= mine
            assert source.default is None or source.default.policy is not None


@given(policies(), OWN)
def test_the_last_of_what_is_defined_counts(found: list[GroupPolicy], own: frozenset[str]) -> None:
    unanswered = resolve(found, ())
    for name, source in unanswered.sources.items():
        said = [one for one in found if name in one.definitions]
        if not source.final:
            assert source.policy == said[-1]
        assert (source.names & TOOL_DENIALS) <= unanswered.permissions
    assert {name for one in found for name in one.definitions} == unanswered.sources.keys()


def test_what_people_write() -> None:
    desk = policy(perm_support_allowed="defined:allow", perm_session_shell="final:deny", perm_jump_client="final:allow")
    held = resolve([desk], ["perm_session_shell.allow", "perm_jump_client.deny"])
    assert held.permissions == {"perm_support_allowed", "perm_session_shell.deny", "perm_jump_client"}
    assert resolve([desk], ["perm_support_allowed.deny"]).permissions == {"perm_session_shell.deny", "perm_jump_client"}
    # An administrator's own account does not get around what is final of a tool.
    assert defined("perm_session_shell", resolve([desk], [ADMIN]).permissions) == DENY
    assert resolve([policy(perm_admin="final:deny")], [ADMIN]).permissions == frozenset()


def test_values_are_those_of_the_permission() -> None:
    assert is_value(ADMIN, "allow")
    assert is_value(ADMIN, DENY)
    assert not is_value(ADMIN, "control")
    assert not is_value("perm_root", "allow")
    for permission in PERMISSIONS:
        for value in (*values(permission), DENY):
            assert name_of(permission.name, value) in NAMES
    assert {name_of(name, DENY) for name in TOOLS} == TOOL_DENIALS


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(ROLES)), max_size=4))
def test_roles_only_ever_add(maps: list[dict[str, str]]) -> None:
    found = merged(maps)
    assert found.keys() == {place for one in maps for place in one}
    for place, role in found.items():
        assert ROLES.index(role) == max(ROLES.index(one[place]) for one in maps if place in one)
