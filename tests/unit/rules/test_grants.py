"""Tools of a session: nothing defined is no access, a denial wins, switches and kinds hold for everybody."""

from hypothesis import given
from hypothesis import strategies as st

from farhand.protocol.channels import RECORDER_GRANTS, Grant
from farhand.protocol.messages import Limits
from farhand.rules.access import Context, Object, Subject, decide
from farhand.rules.grants import (
    CLIPBOARD,
    DEFAULT_POLICY,
    SHELL_RECORDING,
    TOOLS,
    grants_of,
    limits_of,
    recorder_grants,
)
from farhand.rules.permissions import ADMIN, DENIALS, DENY, JUMP_CLIENT, NAMES, SUPPORT_ALLOWED
from farhand.rules.permissions import TOOLS as PERMISSIONS
from farhand.rules.sessions import Kind

SITE = Context(switches=frozenset({CLIPBOARD}), default_policy=DEFAULT_POLICY)
BARE = Context()
KINDS = st.sampled_from(["jump", "support"])
SETS = st.frozensets(st.sampled_from(sorted(NAMES)), max_size=10)
POLICIES = st.dictionaries(st.sampled_from(sorted(PERMISSIONS)), st.sampled_from([DENY, "allow", "view", "send"]))
EVERYTHING = Grant(sum(tool.grant for tool in TOOLS))


def rep(*permissions: str) -> Subject:
    return Subject(kind="user", id="r", permissions=frozenset({SUPPORT_ALLOWED, *permissions}))


def test_every_grant_has_one_row() -> None:
    assert sorted(tool.grant for tool in TOOLS) == sorted(Grant)
    assert {tool.permission for tool in TOOLS} == {"", *PERMISSIONS}


def test_what_nobody_defines_is_no_access() -> None:
    assert grants_of("support", rep(), BARE) == Grant.SYSTEM
    assert grants_of("support", Subject(kind="user", id="r"), SITE) == Grant.NONE
    assert grants_of("jump", rep(), SITE) == Grant.NONE
    assert grants_of("jump", Subject(kind="user", permissions=frozenset({JUMP_CLIENT})), SITE) & Grant.SHELL


def test_the_sites_policy_gives_chat_screen_and_shell() -> None:
    expected = Grant.SYSTEM | Grant.CHAT | Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL
    assert grants_of("support", rep(), SITE) == expected


def test_the_account_says_more_or_less_than_the_site() -> None:
    #
    upload = grants_of("support", rep("perm_session_files.upload"), SITE)
    assert (upload & Grant.FILES_WRITE, upload & (Grant.FILES_READ | Grant.FILES_DELETE)) == (Grant.FILES_WRITE, 0)
    both = grants_of("support", rep("perm_session_files.download"), SITE)
    assert both & (Grant.FILES_WRITE | Grant.FILES_READ) == Grant.FILES_WRITE | Grant.FILES_READ
    assert grants_of("support", rep("perm_session_screen.view"), SITE) & Grant.SCREEN_CONTROL == 0
    denied = grants_of("support", rep("perm_session_shell.deny", "perm_session_shell.allow"), SITE)
    assert denied & (Grant.SHELL | Grant.SCREEN_VIEW) == Grant.SCREEN_VIEW


def test_an_administrator_has_what_the_own_account_does_not_deny() -> None:
    assert grants_of("jump", rep(ADMIN), SITE) == EVERYTHING
    assert grants_of("jump", rep(ADMIN, "perm_session_shell.deny"), SITE) == EVERYTHING & ~Grant.SHELL


def test_a_policy_before_the_account_wins() -> None:
    first = Context(
        policies=({"perm_session_shell": DENY}, {"perm_session_shell": "allow"}), default_policy=DEFAULT_POLICY
    )
    assert not grants_of("support", rep(ADMIN), first) & Grant.SHELL
    assert not grants_of("support", Subject(kind="customer", id="c"), first) & Grant.SHELL
    given = Context(policies=({"perm_session_reboot": "allow"},))
    assert grants_of("support", rep("perm_session_reboot.deny"), given) & Grant.REBOOT


def test_the_site_switches_clipboards_off_for_everybody() -> None:
    clipboard = Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE
    assert grants_of("support", rep("perm_session_clipboard.both"), SITE) & clipboard == clipboard
    for subject in (rep(ADMIN), Subject(kind="customer", id="c"), Subject(kind="agent", id="a")):
        assert not grants_of("support", subject, BARE) & clipboard


def test_the_recorder_sees_shells_while_their_switch_is_on() -> None:
    assert recorder_grants({SHELL_RECORDING, CLIPBOARD}) == RECORDER_GRANTS
    assert recorder_grants({CLIPBOARD}) == RECORDER_GRANTS & ~Grant.SHELL


@given(KINDS, SETS, POLICIES)
def test_a_denial_takes_and_gives_nothing(kind: Kind, held: frozenset[str], site: dict[str, str]) -> None:
    context = Context(switches=SITE.switches, default_policy=site)
    before = grants_of(kind, Subject(kind="user", id="u", permissions=held), context)
    for denial in sorted(DENIALS):
        after = grants_of(kind, Subject(kind="user", id="u", permissions=held | {denial}), context)
        assert after & ~before == 0
    endpoint = grants_of(kind, Subject(kind="agent", id="a"), context)
    assert before & ~endpoint == 0, "the endpoint serves whatever an account may be allowed"


@given(KINDS, st.sampled_from(["anonymous", "appliance-user", "system"]), SETS)
def test_nobody_else_has_tools(kind: Kind, who: str, held: frozenset[str]) -> None:
    assert grants_of(kind, Subject(kind=who, id="x", permissions=held), SITE) == Grant.NONE  # type: ignore[arg-type]


def test_a_tool_that_is_refused_says_why() -> None:
    session = Object(kind="session", facts={"session_kind": "support"})
    assert "Ask an administrator" in decide(rep("perm_session_shell.deny"), "support.tool.shell", session, SITE).reason
    assert "Security" in decide(rep(ADMIN), "support.tool.send_clipboard", session, BARE).reason


def test_limits_are_the_accounts() -> None:
    #
    subject = Subject(kind="user", id="r", files_read=("/srv",), files_write=("/srv/in",))
    assert limits_of(subject) == Limits(files_read=["/srv"], files_write=["/srv/in"])
    assert limits_of(subject, {"terminal", "lock-screen"}).actions_off == ["lock-screen", "terminal"]
    assert limits_of(Subject(kind="agent", id="e"), {"terminal"}).actions_off == []


#
@given(SETS, st.sampled_from(["user", "customer"]))
def test_while_a_customer_only_chats_there_is_nothing_but_chat(permissions: frozenset[str], kind: str) -> None:
    subject = Subject(kind=kind, id="u", permissions=permissions | {SUPPORT_ALLOWED})  # type: ignore[arg-type]
    whole = grants_of("support", subject, SITE)
    assert grants_of("support", subject, SITE, click_to_chat=True) == whole & (Grant.CHAT | Grant.SYSTEM)
