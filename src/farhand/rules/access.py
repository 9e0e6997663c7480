"""The one question of every operation: may this subject do this action to this object, in this context?

`decide` is pure. Policies stand in `farhand.rules.policies`, one module per area, each with a table `POLICIES` from
action (`area.object.verb`) to a function. Rules: no policy, no access (an unknown action is refused); a policy
answers with a `Decision` whose sentence tells the person what to do; it reads nothing but its three arguments.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from farhand.rules.permissions import expand
from farhand.rules.text import gettext_noop as _

SubjectKind = Literal["user", "appliance-user", "agent", "customer", "system", "anonymous"]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `system` is Farhand itself (the command line of the machine's owner, the worker)."""

    kind: SubjectKind
    id: str = ""
    permissions: frozenset[str] = frozenset()
    """As granted; `has` asks the expanded set."""
    teams: frozenset[str] = frozenset()
    led_teams: frozenset[str] = frozenset()
    """Teams in which the subject is lead or manager."""
    groups: Mapping[str, str] = {}
    """Jump Group id -> role in it."""
    files_read: tuple[str, ...] = ()
    files_write: tuple[str, ...] = ()
    """Folders of remote computers to which file transfer is limited (R-191); empty: everywhere."""

    def has(self, permission: str) -> bool:
        """Say whether the subject holds `permission`, directly or implied."""
        return permission in _expanded(self.permissions)

    @property
    def name(self) -> str:
        """`kind:id`, as written to audit rows, tickets and topics."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """What is touched. Only the fields that its kind has are set; `facts` carries what else a policy needs."""

    kind: str
    id: str = ""
    owner: str | None = None
    """User id."""
    group: str | None = None
    """Jump Group id."""
    queue: str | None = None
    """`user:ID` or `team:ID`."""
    facts: Mapping[str, object] = {}


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Circumstances of the moment."""

    now_ms: int = 0
    claimed: bool = True
    web_console: bool = True
    """The switch of Management > Security."""
    switches: frozenset[str] = frozenset()
    """Site switches of tools that are on."""
    policies: tuple[Mapping[str, str], ...] = ()
    """Session policies that go before the account's, first one first: tool's permission -> level or `deny`."""
    default_policy: Mapping[str, str] = {}
    """The site's session policy: for what nobody else defines."""
    facts: Mapping[str, object] = {}


class Decision(msgspec.Struct, frozen=True):
    """Yes, or no with one English sentence for the person."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


Policy = Callable[[Subject, Object, Context], Decision]

ALLOW = Decision(True)
NO_POLICY = Decision(False, _("This action is not known here."))


def refuse(reason: str) -> Decision:
    """Build a refusal."""
    return Decision(False, reason)


def needs(*permissions: str, reason: str = "") -> Policy:
    """Policy: a user with all of `permissions`, or Farhand itself."""
    text = reason or _("Your account is not allowed to do this. Ask an administrator for the permission.")

    def policy(subject: Subject, _object: Object, _context: Context) -> Decision:
        if subject.kind == "system" or (subject.kind == "user" and all(subject.has(name) for name in permissions)):
            return ALLOW
        return refuse(text)

    return policy


def only(*kinds: SubjectKind, reason: str = "") -> Policy:
    """Policy: subjects of these kinds, whoever they are."""
    text = reason or _("This action is not for you.")

    def policy(subject: Subject, _object: Object, _context: Context) -> Decision:
        return ALLOW if subject.kind in kinds else refuse(text)

    return policy


def any_of(*policies: Policy) -> Policy:
    """Policy: one of `policies` says yes; else the last one's sentence."""

    def policy(subject: Subject, obj: Object, context: Context) -> Decision:
        answer = NO_POLICY
        for one in policies:
            answer = one(subject, obj, context)
            if answer.allowed:
                break
        return answer

    return policy


def all_of(*policies: Policy) -> Policy:
    """Policy: all of `policies` say yes; else the first refusal."""

    def policy(subject: Subject, obj: Object, context: Context) -> Decision:
        for one in policies:
            answer = one(subject, obj, context)
            if not answer.allowed:
                return answer
        return ALLOW

    return policy


@functools.cache
def policies() -> Mapping[str, Policy]:
    """Return the whole table, gathered from every module of `farhand.rules.policies`."""
    package = importlib.import_module("farhand.rules.policies")
    table: dict[str, Policy] = {}
    for found in pkgutil.iter_modules(package.__path__):
        part: Mapping[str, Policy] = importlib.import_module(f"{package.__name__}.{found.name}").POLICIES
        twice = table.keys() & part.keys()
        if twice:
            raise RuntimeError(f"two policies for {sorted(twice)}")
        table.update(part)
    return table


def decide(subject: Subject, action: str, obj: Object, context: Context | None = None) -> Decision:
    """Answer whether `subject` may do `action` to `obj`. An action without a policy is refused."""
    policy = policies().get(action)
    if policy is None:
        return NO_POLICY
    return policy(subject, obj, context or Context())


@functools.lru_cache(maxsize=1024)
def _expanded(permissions: frozenset[str]) -> frozenset[str]:
    return expand(permissions)
