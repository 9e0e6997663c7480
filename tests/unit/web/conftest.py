"""What the web's unit tests share: a cheap password hash, a bus that remembers, ready-made actors."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from farhand.protocol.bus import Publish
from farhand.rules.access import Subject
from farhand.web.project import bus
from farhand.web.project.service import SYSTEM, Actor


class Bus:
    """Remembers what would have gone to the relay."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.reachable = True

    def __call__(self, message: Any) -> bool:
        """Take a message."""
        if self.reachable:
            self.sent.append(message)
        return self.reachable

    def events(self) -> list[Any]:
        """All events that were published, in order."""
        return [event for message in self.sent if isinstance(message, Publish) for event in message.events]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """SQLite waits for no disk: what a loss of power leaves of a test's database is all the same."""
    from django.conf import settings

    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")


@pytest.fixture(autouse=True)
def no_loss_of_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and other small files wait for no disk either; a test of just that looks at the calls itself."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture(autouse=True)
def relay_bus() -> Iterator[Bus]:
    """The way out of every test."""
    out = Bus()
    bus.use(out)
    yield out
    bus.use(None)


@pytest.fixture(autouse=True)
def appliance_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    """A data folder of the test's own, a cheap Argon2, nothing remembered from the test before."""
    from farhand.web.accounts.passwords import Argon2id
    from farhand.web.appliance import keys, queries

    settings.FARHAND_DATA = tmp_path
    before = (Argon2id.time_cost, Argon2id.memory_cost)
    Argon2id.time_cost, Argon2id.memory_cost = 1, 8
    queries.forget()
    keys.forget()
    with translation.override("en"):  # a page leaves its language behind
        yield
    Argon2id.time_cost, Argon2id.memory_cost = before
    queries.forget()
    keys.forget()


@pytest.fixture
def claimed(db: None) -> None:
    """A claimed appliance with its keys, without any account."""
    from farhand.web.appliance import keys
    from farhand.web.appliance.models import SiteSetting

    keys.make_tls("localhost")
    keys.make_site_keys()
    SiteSetting.objects.create(key="claimed_ms", value=1_700_000_000_000)
    SiteSetting.objects.create(key="web_console", value=True)


@pytest.fixture
def system() -> Actor:
    """Farhand itself."""
    return SYSTEM


@pytest.fixture
def anonymous() -> Actor:
    """Somebody who has not signed in."""
    return Actor(subject=Subject(kind="anonymous"), source_ip="192.0.2.7")


def actor_for(user: Any) -> Actor:
    """The actor of a user, as the middleware builds it."""
    from farhand.web.accounts.queries import subject_of

    return Actor(subject=subject_of(user), name=user.display_name, user=user, source_ip="192.0.2.8")


@pytest.fixture
def make_user(claimed: None) -> Any:
    """A function that makes a user: `make_user("rep", "perm_support_allowed", ...)`."""
    from farhand.web.accounts import services

    def make(username: str, *permissions: str, password: str = "correct horse battery") -> Any:
        return services.create_user(
            SYSTEM, username=username, display_name=username.capitalize(), password=password, permissions=permissions
        )

    return make


@pytest.fixture
def admin(make_user: Any) -> Actor:
    """An administrator."""
    return actor_for(make_user("admin", "perm_admin"))


@pytest.fixture
def rep(make_user: Any) -> Actor:
    """A representative who supports and accesses, nothing more."""
    return actor_for(
        make_user(
            "rep",
            "perm_support_allowed",
            "perm_access_allowed",
            "perm_generate_session_key",
            "perm_accept_team_sessions",
            "perm_jump_client",
        )
    )


@pytest.fixture
def browser() -> Client:
    """A browser without a session, over TLS."""
    return Client(secure=True, headers={"host": "localhost:8443"})


@pytest.fixture
def sign_in() -> Any:
    """A function that gives a client signed in as a user."""

    def inner(user: Any) -> Client:
        client = Client(secure=True, headers={"host": "localhost:8443"})
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return inner
