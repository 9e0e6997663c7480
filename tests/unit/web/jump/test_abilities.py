"""What an endpoint can do is stored, told to consoles as it changes, and said in the language of the reader."""

from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import translation
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import FACTS, Endpoint, snapshot

from farhand.agent.core.abilities import cannot, noted
from farhand.protocol.abilities import ABILITIES, REASONS
from farhand.protocol.bus import LinkUp
from farhand.protocol.messages import Abilities, Ability
from farhand.web.jump import abilities, queries, services, worker_services
from farhand.web.jump.models import JumpClient
from farhand.web.project.service import SYSTEM, Actor

pytestmark = pytest.mark.django_db

X11 = Abilities(
    kind="x11",
    see=Ability(can=True),
    control=Ability(can=True),
    login_screen=cannot("own-desktop-only"),
    privacy_screen=Ability(code="of-tomorrow", reason="<b>Because.</b>"),
    clipboard=Ability(reason="Said by an older client."),
)


@pytest.fixture
def made(claimed: None, anonymous: Actor, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Jump Client in a group, by its id."""
    from django.db import transaction

    monkeypatch.setattr(transaction, "on_commit", lambda function, using=None, robust=False: function())
    group = services.create_group(SYSTEM, name="General")
    token, endpoint = services.create_enrolment(SYSTEM, group_id=group.id).token, Endpoint()
    proof = endpoint.proof("enrol", token)
    return services.enrol(anonymous, token=token, key=endpoint.key, proof=proof, facts=FACTS, version="0.1").agent_id


def told(agent_id: str, **facts: Any) -> int:
    """The client's link says this of it; how many clients changed."""
    link = LinkUp(
        agent_id=agent_id,
        version="0.1",
        public_ip="192.0.2.1",
        since_ms=1_000,
        facts=msgspec.structs.replace(FACTS, **facts),
    )
    return worker_services.apply_links(SYSTEM, up=[link])


def test_what_changes_is_told_to_consoles_and_what_does_not_is_not(made: str) -> None:
    with proven(snapshot):
        assert told(made, desktop=X11) == 1
        assert told(made, desktop=X11) == 0
        item = next(iter(snapshot()["jump_items"].values()))
        assert item["desktop"]["control"] == {"can": True, "code": "", "reason": ""}
        assert item["desktop"]["login_screen"]["code"] == "own-desktop-only"
        assert told(made, desktop=msgspec.structs.replace(X11, control=cannot("no-desktop"))) == 1
        assert told(made, display=False, desktop=None) == 1


#
def test_each_line_says_why_in_the_readers_language(made: str) -> None:
    told(made, desktop=X11)
    client = queries.client_by_id(made)
    assert client is not None
    english = {line.label: (line.can, line.reason) for line in abilities.lines_of(client)}
    assert list(english) == list(ABILITIES.values())
    assert english[ABILITIES["see"]] == (True, "")
    assert english[ABILITIES["login_screen"]] == (False, REASONS["own-desktop-only"])
    assert english[ABILITIES["block_input"]] == (False, "")
    assert english[ABILITIES["privacy_screen"]] == (False, "<b>Because.</b>")
    assert english[ABILITIES["clipboard"]] == (False, "Said by an older client.")
    for language in ("de", "fr", "nl"):
        with translation.override(language):
            lines = abilities.lines_of(client)
            words = abilities.words()
        assert lines[2].reason == words["reasons"]["own-desktop-only"] != REASONS["own-desktop-only"]
        assert [line.label for line in lines] == list(words["abilities"].values())
        assert list(words["abilities"]) == list(ABILITIES)


#
def test_what_can_be_done_may_have_something_to_be_known(made: str, admin: Actor, sign_in: Any) -> None:
    told(made, desktop=Abilities(kind="portal", see=noted("portal-once-unverified"), control=Ability(can=True)))
    client = queries.client_by_id(made)
    assert client is not None
    see, control, *_ = abilities.lines_of(client)
    assert (see.can, see.reason) == (True, REASONS["portal-once-unverified"])
    assert (control.can, control.reason) == (True, "")
    page: Client = sign_in(admin.user)
    assert "Not verified on this kind of desktop." in page.get(f"/login/jump/clients/{made}").content.decode()


def test_an_older_client_says_only_that_there_is_a_screen(made: str) -> None:
    told(made, display=True)
    client = JumpClient.objects.select_related("group").get()
    assert [line.can for line in abilities.lines_of(client)] == [True] + [False] * 6
    assert abilities.lines_of(client)[1].reason == REASONS["not-told"]
    told(made, display=False)
    client.refresh_from_db()
    assert {(line.can, line.reason) for line in abilities.lines_of(client)} == {(False, REASONS["no-desktop"])}


def test_the_page_of_the_client_says_it(made: str, admin: Actor, sign_in: Any) -> None:
    told(made, desktop=X11)
    page: Client = sign_in(admin.user)
    shown = page.get(f"/login/jump/clients/{made}").content.decode()
    assert REASONS["own-desktop-only"] in shown
    assert "&lt;b&gt;Because.&lt;/b&gt;" in shown
    assert "As the computer said last." not in shown
    worker_services.apply_links(SYSTEM, down=[(made, 5_000)])
    shown = page.get(f"/login/jump/clients/{made}").content.decode()
    assert REASONS["own-desktop-only"] in shown
    assert "As the computer said last." in shown
    with_words = page.get("/api/console/snapshot").json()
    assert with_words["words"]["reasons"]["no-desktop"] == REASONS["no-desktop"]
