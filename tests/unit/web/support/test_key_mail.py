"""A session key goes by mail: by the appliance, to whom its representative says, with the portal's text."""

from typing import Any

import msgspec
import pytest
from tests.unit.web.conftest import actor_for
from tests.unit.web.mail.test_mail import fields, run_jobs
from tests.unit.web.snapshots import Snapshot, proven

from farhand.web.events.models import AuditRow
from farhand.web.mail import queries as mail
from farhand.web.mail.models import Message
from farhand.web.mail.services import edit_settings
from farhand.web.portals import invitations, queries
from farhand.web.portals.invitations import KeyMail, Text
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.support import key_mail
from farhand.web.support.key_mail import Mailed, send_session_key
from farhand.web.support.key_services import NewKey, create_session_key, use_session_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ready(claimed: None) -> None:
    """A mail server is set up, and the appliance may send keys."""
    edit_settings(SYSTEM_ADMIN, fields=fields())
    invitations.edit_key_mail(SYSTEM_ADMIN, options=KeyMail(server=True))


SYSTEM_ADMIN = SYSTEM


def made(rep: Actor) -> NewKey:
    return create_session_key(rep, portal=queries.name_of(queries.default()))


def mailed(made_key: NewKey, **more: str) -> Mailed:
    given = {"key": made_key.shown, "token": made_key.token, "portal_id": queries.DEFAULT_ID, "host": "localhost:8443"}
    return Mailed(**given | {"language": "en"} | more)


def letter() -> Any:
    found = mail.letter_of(Message.objects.get())
    assert found is not None
    return found


#
def test_the_appliance_sends_the_portals_text_to_the_customer(rep: Actor) -> None:
    edit = invitations.edit_invitation
    edit(SYSTEM, portal_id=queries.DEFAULT_ID, sender="shop@example.com",
         texts={"de": Text(subject="Hilfe von %REPRESENTATIVE%", body="%SESSION_URL% %SESSION_KEY%")})  # fmt: skip
    key = made(rep)

    def snapshot() -> Snapshot:
        return {"mails": {value["id"]: value for value in mail.mails_of(rep.subject.id)}}

    with proven(snapshot):
        ident = send_session_key(rep, mailed=mailed(key, language="de"), to=" kunde@example.com ")
    [value] = mail.mails_of(rep.subject.id)
    assert (value["id"], value["to"], value["state"]) == (ident, "kunde@example.com", "waiting")
    assert (letter().sender, letter().sender_name, letter().to) == ("shop@example.com", "Rep", "kunde@example.com")
    assert letter().subject == "Hilfe von Rep"
    # the token is in the fragment, which the customer's browser sends to no server.
    assert letter().text == f"https://localhost:8443/#k={key.token} {key.shown}\n"
    row = AuditRow.objects.get(action="support.session_key.mail")
    assert row.fields["to"] == "kunde@example.com"
    told = msgspec.json.encode([one.fields for one in AuditRow.objects.all()]).decode()
    assert key.token not in told
    assert key.key not in told


#
def test_from_the_own_address_or_from_the_systems(rep: Actor) -> None:
    rep.user.email = "rep@example.com"
    rep.user.save()
    send_session_key(rep, mailed=mailed(made(rep)), to="a@example.com")
    assert (letter().sender, letter().reply_to) == ("help@example.com", "rep@example.com")
    Message.objects.all().delete()
    invitations.edit_key_mail(SYSTEM, options=KeyMail(server=True, sender="own"))
    send_session_key(rep, mailed=mailed(made(rep)), to="a@example.com")
    assert (letter().sender, letter().reply_to) == ("rep@example.com", "")


def test_only_the_own_living_key_is_sent_and_only_a_few_times(
    rep: Actor, make_user: Any, anonymous: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = made(rep), actor_for(make_user("other", "perm_support_allowed", "perm_generate_session_key"))
    with pytest.raises(Refused):
        send_session_key(other, mailed=mailed(key), to="a@example.com")
    for wrong in ({"key": made(rep).shown}, {"token": "0" * 32}, {"key": ""}, {"portal_id": "0" * 36}):
        with pytest.raises(NotThere):
            send_session_key(rep, mailed=mailed(key, **wrong), to="a@example.com")
    with pytest.raises(Invalid) as refused:
        send_session_key(rep, mailed=mailed(key), to="a@example.com\nBcc: b@example.com")
    assert refused.value.field == "to"
    for _time in range(key_mail.MAX_ADDRESSES):
        send_session_key(rep, mailed=mailed(key), to="a@example.com")
    with pytest.raises(Conflict):
        send_session_key(rep, mailed=mailed(key), to="a@example.com")
    used = made(rep)
    use_session_key(anonymous, token=used.token)
    with pytest.raises(NotThere):
        send_session_key(rep, mailed=mailed(used), to="a@example.com")
    invitations.edit_key_mail(SYSTEM, options=KeyMail(server=False))
    with pytest.raises(Conflict, match="switched off"):
        send_session_key(rep, mailed=mailed(made(rep)), to="a@example.com")


def test_an_invitation_that_is_late_is_not_sent(rep: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    send_session_key(rep, mailed=mailed(made(rep)), to="a@example.com")
    Message.objects.update(useful_until_ms=1)
    run_jobs()
    assert Message.objects.get().state == "failed"


def test_by_the_console(rep: Actor, sign_in: Any) -> None:
    browser = sign_in(rep.user)

    def post(path: str, body: dict[str, Any]) -> Any:
        return browser.post(
            f"/api/console/{path}", body, "application/json", headers={"origin": "https://localhost:8443"}
        )

    key = post("session-keys", {"zone": "Asia/Tokyo"}).json()
    assert "(JST)" in key["mail"]["texts"]["en"]["body"]
    assert key["mail"]["server"] is True
    body = {"key": key["key"], "token": key["token"], "to": "a@example.com", "language": "nl"}
    sent = post("session-keys/mail", body)
    assert sent.status_code == 200, sent.content
    assert letter().subject == key["mail"]["texts"]["nl"]["subject"]
    listed = browser.get("/api/console/snapshot").json()["collections"]["mails"]
    assert [one["id"] for one in listed] == [sent.json()["mail"]]
    wrong = post("session-keys/mail", body | {"to": "nobody"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "to")
