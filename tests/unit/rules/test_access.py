"""Permissions and the one decision: deny by default, levels imply, nobody mints more than they have."""

from hypothesis import given
from hypothesis import strategies as st

from farhand.rules.access import Context, Object, Subject, decide, policies
from farhand.rules.permissions import (
    ADMIN,
    DENIALS,
    IMPLIED,
    NAMES,
    PERMISSIONS,
    TOOL_DENIALS,
    exceeds,
    expand,
    unknown,
)

SETS = st.frozensets(st.sampled_from(sorted(NAMES)), max_size=8)
KINDS = st.sampled_from(["user", "appliance-user", "agent", "customer", "anonymous"])


def user(*permissions: str, ident: str = "u1") -> Subject:
    return Subject(kind="user", id=ident, permissions=frozenset(permissions))


def test_names_are_unique_and_implied_names_exist() -> None:
    assert len({permission.name for permission in PERMISSIONS}) == len(PERMISSIONS)
    for name, implied in IMPLIED.items():
        assert {name, *implied} <= NAMES
    assert all(not permission.name or permission.name.startswith("perm_") for permission in PERMISSIONS)


@given(SETS)
def test_expanding_twice_changes_nothing(names: frozenset[str]) -> None:
    assert expand(expand(names)) == expand(names) >= names


@given(SETS, SETS)
def test_what_is_minted_never_exceeds(wanted: frozenset[str], held: frozenset[str]) -> None:
    if not exceeds(wanted, held):
        assert expand(wanted) - DENIALS <= expand(held)
        assert ADMIN in held or (held & TOOL_DENIALS) <= wanted
    assert not exceeds(held, held)
    assert not exceeds(wanted, {ADMIN})


@given(st.text(max_size=30), KINDS, SETS)
def test_unknown_actions_are_refused(action: str, kind: str, held: frozenset[str]) -> None:
    if action not in policies():
        assert not decide(Subject(kind=kind, id="x", permissions=held), action, Object(kind="thing"))  # type: ignore[arg-type]


@given(st.sampled_from(sorted(policies())), st.sampled_from(["agent", "customer", "anonymous"]))
def test_permissions_mean_nothing_on_other_kinds(action: str, kind: str) -> None:
    """Stray permissions on an agent, a customer or a stranger change no decision."""
    bare = Subject(kind=kind, id="x")  # type: ignore[arg-type]
    loaded = Subject(kind=kind, id="x", permissions=NAMES)  # type: ignore[arg-type]
    obj = Object(kind="thing", owner="y")
    assert decide(bare, action, obj).allowed == decide(loaded, action, obj).allowed


@given(st.sampled_from(sorted(name for name in policies() if name.startswith(("accounts.", "appliance.")))))
def test_strangers_can_only_sign_in_and_claim(action: str) -> None:
    allowed = {"accounts.user.sign_in", "accounts.appliance_user.sign_in"}
    assert decide(Subject(kind="anonymous"), action, Object(kind="thing")).allowed == (action in allowed)


def test_unknown_names_decide_nothing() -> None:
    assert unknown({"perm_admin", "perm_root"}) == {"perm_root"}
    assert not user("perm_root").has("perm_root")


def test_refusals_say_what_to_do() -> None:
    for action in policies():
        answer = decide(Subject(kind="anonymous"), action, Object(kind="thing", owner="nobody"), Context(claimed=True))
        if not answer.allowed:
            assert answer.reason.endswith("."), action


def test_accounts() -> None:
    strong = Object(kind="user", facts={"permissions": frozenset({ADMIN})})
    weak = Object(kind="user", facts={"permissions": frozenset({"perm_jump_client"})})
    assert decide(user(ADMIN), "accounts.user.create", strong)
    assert not decide(user("perm_set_passwords"), "accounts.user.set_password", strong)
    assert not decide(user("perm_set_passwords"), "accounts.user.set_password", weak)
    assert decide(user("perm_set_passwords", "perm_jump_client"), "accounts.user.set_password", weak)
    assert not decide(user("perm_set_passwords"), "accounts.user.create", weak)
    mine = Object(kind="user", id="u1", owner="u1")
    assert decide(user(), "accounts.user.change_own_password", mine)
    assert not decide(user(ident="u2"), "accounts.user.change_own_password", mine)
    assert not decide(Subject(kind="anonymous"), "accounts.appliance.claim", Object(kind="appliance"))
    assert decide(
        Subject(kind="anonymous"), "accounts.appliance.claim", Object(kind="appliance"), Context(claimed=False)
    )
