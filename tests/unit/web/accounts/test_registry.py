"""Every service: a policy, and events or a reason for none."""

import importlib
import pkgutil

import farhand.web
from farhand.rules.access import Object, Subject, decide, policies
from farhand.rules.permissions import NAMES
from farhand.web.project.service import SERVICES


def load_all() -> None:
    """Import every module of farhand.web that could define services."""
    for found in pkgutil.walk_packages(farhand.web.__path__, "farhand.web."):
        last = found.name.rpartition(".")[2]
        if "migrations" not in found.name and last not in {"wsgi", "serve"}:
            importlib.import_module(found.name)


def test_every_service_has_a_policy_and_events_or_a_reason() -> None:
    load_all()
    ours = {name: info for name, info in SERVICES.items() if not name.startswith("test.")}
    assert len(ours) >= 18
    for name, info in ours.items():
        assert name in policies(), f"{name} has no policy"
        assert name.count(".") == 2, name
        assert info.events or info.no_events_because, name
        assert info.audit or info.no_audit_because, name


def test_only_what_farhand_does_by_itself_may_go_without_audit_rows() -> None:
    load_all()
    everything = frozenset(NAMES)
    people = [
        Subject(kind="user", id="u", permissions=everything),
        *(Subject(kind=kind, id="u") for kind in ("appliance-user", "agent", "customer", "anonymous")),  # type: ignore[arg-type]
    ]
    without = [name for name, info in SERVICES.items() if not info.audit and not name.startswith("test.")]
    assert without
    for name in without:
        assert decide(Subject(kind="system"), name, Object(kind="session", id="u")), name
        for subject in people:
            assert not decide(subject, name, Object(kind="session", id="u", owner="u")), f"{name} by {subject.kind}"


def test_an_unknown_action_is_refused_for_everybody() -> None:
    for subject in (Subject(kind="system"), Subject(kind="user", id="u", permissions=frozenset({"perm_admin"}))):
        assert not decide(subject, "accounts.user.explode", Object(kind="user"))
