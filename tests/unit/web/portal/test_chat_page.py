"""Click-to-chat at the portal: how a customer's browser comes to the chat, back to it, and out of it."""

import re
from typing import Any

import pytest
from django.test import Client
from tests.unit.web.support.helpers import Endpoint, start

from farhand.kit import signing
from farhand.protocol.messages import LegTicket
from farhand.web.appliance import keys
from farhand.web.portals import queries as portals
from farhand.web.portals import services as portal_services
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.support import key_services, worker_services
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
CHAT = "/help/chat"


@pytest.fixture
def customer(rep: Actor, browser: Client) -> Client:
    """A browser that has used a session key."""
    browser.post("/start", {"key": key_services.create_session_key(rep).shown})
    return browser


def ticket(browser: Client) -> Any:
    return browser.post(f"{CHAT}/ticket")


#
def test_the_help_page_offers_the_chat_and_leads_back_to_it(customer: Client) -> None:
    assert "Start Chat" in customer.get("/help").content.decode()
    assert customer.get(CHAT).headers["Location"] == "/help", "a GET begins nothing"
    assert Session.objects.get().state == "joining"
    assert customer.post(CHAT).headers["Location"] == CHAT
    assert (Session.objects.get().state, Session.objects.get().click_to_chat) == ("waiting", True)
    assert customer.get("/help").headers["Location"] == CHAT
    page = customer.get(CHAT).content.decode()
    assert "Chat with Rep" in page
    assert re.search(r'id="client-offer"[^>]* hidden', page)
    answer = ticket(customer).json()
    opened = signing.open_token(bytes.fromhex(keys.issuer_public()), "leg", answer["ticket"], LegTicket)
    assert (opened.session_id, opened.leg) == (Session.objects.get().id, 2)
    assert answer["client_asked"] is False


#
def test_who_is_asked_sees_the_client_after_a_reload_too(customer: Client) -> None:
    customer.post(CHAT)
    Session.objects.update(client_asked_ms=1)
    assert not re.search(r'id="client-offer"[^>]* hidden', customer.get(CHAT).content.decode())
    assert ticket(customer).json()["client_asked"] is True


def test_after_the_client_has_taken_over_there_is_no_chat_page(customer: Client, anonymous: Actor) -> None:
    customer.post(CHAT)
    session_id = Session.objects.get().id
    start(anonymous, customer.cookies["__Host-farhand-join"].value, Endpoint())
    worker_services.note_leg(SYSTEM, session_id=session_id, leg=1, connected=True)
    assert ticket(customer).status_code == 409
    assert ticket(customer).json()["error"]["text"] == "The client has taken over this session. Go on there."
    assert customer.get(CHAT).headers["Location"] == "/help"


def test_ending_it(customer: Client) -> None:
    customer.post(CHAT)
    assert customer.get("/help/end").status_code == 405
    assert customer.post("/help/end").headers["Location"] == "/help"
    assert "This session has ended." in customer.get("/help").content.decode()
    assert (ticket(customer).status_code, ticket(customer).json()["error"]["code"]) == (404, "expired")


def test_without_a_session_or_where_the_portal_has_no_chat(browser: Client, rep: Actor, claimed: None) -> None:
    for answer in (browser.get(CHAT), browser.post(CHAT), ticket(browser), browser.post("/help/end")):
        assert answer.status_code == 404
    fields = portal_services.Fields(languages=["en"], click_to_chat=False)
    portal_services.edit_portal(SYSTEM, portal_id=portals.DEFAULT_ID, fields=fields)
    browser.post("/start", {"key": key_services.create_session_key(rep).shown})
    assert "Start Chat" not in browser.get("/help").content.decode()
    refused = browser.post(CHAT)
    assert refused.status_code == 409
    assert "no chat in the browser here" in refused.content.decode()


def test_another_sites_page_begins_no_chat(rep: Actor) -> None:
    browser = Client(secure=True, headers={"host": "localhost:8443"}, enforce_csrf_checks=True)
    for address in (CHAT, f"{CHAT}/ticket", "/help/end"):
        assert browser.post(address, headers={"origin": "https://evil.example"}).status_code == 403
