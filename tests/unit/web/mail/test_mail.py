"""The mail server of the site, and messages on their way: kept, sent by jobs, tried again, told."""

from typing import Any

import msgspec
import pytest
from tests.harness.mailserver import PASSWORD, USER, Mailbox, mail_server
from tests.unit.web.snapshots import Snapshot, proven

from farhand.kit.clock import FakeClock
from farhand.kit.stop import Stop
from farhand.web.appliance.models import SiteSetting
from farhand.web.events.models import AuditRow
from farhand.web.jobs.models import Job
from farhand.web.jobs.runner import Runner
from farhand.web.mail import jobs, letters, queries, services, smtp
from farhand.web.mail.letters import BadLetter, Letter, as_bytes
from farhand.web.mail.models import Message
from farhand.web.mail.services import Fields, TooManyMails
from farhand.web.project import service as project
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, Refused

pytestmark = pytest.mark.django_db
PAGE = "/login/management/email-configuration"


@pytest.fixture
def clock() -> Any:
    """A clock that a test moves."""
    before = project._clock
    clock = FakeClock(1_700_000_000_000)
    project.set_clock(clock)
    yield clock
    project.set_clock(before)


@pytest.fixture
def box() -> Any:
    """A mail server without encryption."""
    with mail_server() as box:
        yield box


def fields(port: int = 587, **more: Any) -> Fields:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "help@example.com"}
    return Fields(**given | more)


def give(actor: Actor, to: str = "b@example.com", **more: Any) -> str:
    """Give a message to be sent, as an area's service does."""
    change = project.Change(actor, "mail.test.send")
    letter = Letter(sender="help@example.com", to=to, subject="Grüße", text="Hallo\nWelt\n")
    return services.post(change, purpose="session-key", letter=letter, **more)


def run_jobs() -> int:
    """Do all jobs that may be done now."""
    worker, done = Runner(Stop()), 0
    while worker.once():
        done += 1
    return done


def mails(user_id: str) -> Snapshot:
    return {"mails": {value["id"]: value for value in queries.mails_of(user_id)}}


def test_the_password_is_sealed_and_goes_with_its_server(admin: Actor, rep: Actor) -> None:
    secure = {"security": "starttls", "user": USER, "password": PASSWORD}
    with pytest.raises(Refused):
        services.edit_settings(rep, fields=fields())
    services.edit_settings(admin, fields=fields(**secure))
    stored = msgspec.json.encode(SiteSetting.objects.get(key="mail").value).decode()
    assert PASSWORD not in stored
    assert queries.server().password == PASSWORD
    assert PASSWORD not in repr(queries.server())
    services.edit_settings(admin, fields=fields(25, **secure | {"password": ""}))
    assert (queries.server().port, queries.server().password) == (25, PASSWORD)
    # Whoever may change the host does not learn the password by having it sent to another one.
    with pytest.raises(Invalid, match="password"):
        services.edit_settings(admin, fields=fields(**secure | {"password": "", "host": "127.0.0.2"}))
    services.edit_settings(admin, fields=fields())
    assert queries.current().sealed_password == ""
    for row in AuditRow.objects.filter(action="mail.settings.edit"):
        assert PASSWORD not in msgspec.json.encode(row.fields).decode()


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("host", {"host": "mail example"}),
        ("port", {"port": 0}),
        ("security", {"security": "ssl"}),
        ("security", {"user": "u", "password": "p"}),
        ("sender", {"sender": "nobody"}),
        ("sender", {"sender": "a@example.com\r\nBcc: c@example.com"}),
        ("user", {"security": "tls", "user": "a\nb", "password": "p"}),
        ("password", {"security": "tls", "user": "u"}),
        ("authority", {"authority": "nothing"}),
    ],
)
def test_what_cannot_be_a_mail_server_is_refused_by_its_field(admin: Actor, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        services.edit_settings(admin, fields=fields(**given))
    assert refused.value.field == field


def test_a_message_is_sent_by_a_job_and_told(admin: Actor, box: Mailbox) -> None:
    with pytest.raises(Conflict):
        give(admin)
    services.edit_settings(admin, fields=fields(box.port))
    with proven(lambda: mails(admin.subject.id)):
        services.send_test(admin, to="b@example.com")
    sealed = Message.objects.get().sealed
    assert sealed
    assert "example" not in sealed
    with proven(lambda: mails(admin.subject.id)):
        assert run_jobs() == 1
    [envelope] = box.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("help@example.com", ["b@example.com"])
    message = Message.objects.get()
    assert (message.state, message.sealed, message.answer) == ("sent", "", "250 2.0.0 kept as number 1")
    assert queries.told(message) == (
        "The mail server has taken the message to b@example.com. It said: 250 2.0.0 kept as number 1"
    )
    assert AuditRow.objects.filter(action="mail.message.note", fields__state="sent").exists()


def test_what_may_pass_is_tried_again_with_pauses_and_not_for_ever(admin: Actor, box: Mailbox, clock: Any) -> None:
    services.edit_settings(admin, fields=fields(box.port))
    box.answers = {"RCPT": "451 4.7.1 greylisted"}
    give(admin)
    for pause in jobs.PAUSES_S:
        assert run_jobs() == 1
        assert run_jobs() == 0
        assert Message.objects.get().state == "waiting"
        clock.advance(pause)
    assert run_jobs() == 1
    message = Message.objects.get()
    assert (message.state, message.tries, message.error) == ("failed", 5, smtp.BUSY)
    assert Job.objects.get().state == "failed"
    clock.advance(86_400)
    assert run_jobs() == 0
    with proven(lambda: mails(admin.subject.id)):
        assert services.forget(SYSTEM) == 1


def test_what_was_put_off_goes_once_the_server_takes_it(admin: Actor, box: Mailbox, clock: Any) -> None:
    services.edit_settings(admin, fields=fields(box.port))
    box.answers = {"DATA": "452 4.3.1 full"}
    give(admin)
    assert run_jobs() == 1
    box.answers = {}
    clock.advance(jobs.PAUSES_S[0])
    assert run_jobs() == 1
    assert (len(box.messages), Message.objects.get().state) == (1, "sent")


def test_what_cannot_pass_is_not_tried_again_and_what_is_late_not_at_all(
    admin: Actor, box: Mailbox, clock: Any
) -> None:
    services.edit_settings(admin, fields=fields(box.port))
    box.answers = {"RCPT": "550 5.1.1 nobody"}
    give(admin)
    assert run_jobs() == 1
    message = Message.objects.get()
    assert (message.state, queries.told(message)) == (
        "failed",
        "The mail server does not take messages for this recipient. It said: 550 5.1.1 nobody",
    )
    box.answers = {}
    give(admin, useful_until_ms=clock.now_ms() + 1000)
    clock.advance(2)
    assert run_jobs() == 1
    assert not box.messages
    assert Message.objects.order_by("-id")[0].error == services.GONE


def test_a_message_that_no_key_opens_any_more_ends(admin: Actor, box: Mailbox, settings: Any) -> None:
    services.edit_settings(admin, fields=fields(box.port))
    give(admin)
    settings.SECRET_KEY = "another"
    assert run_jobs() == 1
    assert (Message.objects.get().state, Message.objects.get().error) == ("failed", jobs.NOT_WRITTEN)


def test_one_person_sends_so_many_in_an_hour(admin: Actor, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    services.edit_settings(admin, fields=fields())
    monkeypatch.setitem(services.MAX_PER_HOUR, "session-key", 2)
    give(admin)
    give(admin)
    with pytest.raises(TooManyMails):
        give(admin)
    clock.advance(3601)
    give(admin)


INJECTED = ["a@example.com\r\nBcc: c@example.com", "a@example.com,c@example.com", "a@example.com c", "<a@example.com>",
            "a@example.com\n", "a@exämple.com", '"a b"@example.com', "a@", "", "a" * 250 + "@example.com"]  # fmt: skip


@pytest.mark.parametrize("to", INJECTED)
def test_nobody_writes_a_header_into_a_message_by_an_address(admin: Actor, to: str) -> None:
    services.edit_settings(admin, fields=fields())
    with pytest.raises(Invalid) as refused:
        give(admin, to)
    assert refused.value.field == "to"
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "Hello\r\nBcc: c@example.com"},
        {"subject": "x" * (letters.MAX_SUBJECT + 1)},
        {"sender_name": "A\nB"},
        {"reply_to": "a@example.com\nBcc: c@example.com"},
        {"text": "a\0b"},
    ],
)
def test_nobody_writes_a_header_into_a_message_by_anything_else(more: dict[str, str]) -> None:
    letter = {"sender": "a@example.com", "to": "b@example.com", "subject": "Hello", "text": "x"} | more
    with pytest.raises(BadLetter):
        as_bytes(Letter(**letter), ident="1", domain="example.com", now_ms=0)


def test_a_message_is_text_in_its_language() -> None:
    letter = Letter(
        sender="a@example.com", sender_name="Zoë, Hilfe", to="b@example.com", subject="Grüße", text="Häuser\n.\nEnde\n"
    )
    written = as_bytes(letter, ident="1", domain="example.com", now_ms=1_700_000_000_000)
    assert written.isascii()
    assert max(len(line) for line in written.splitlines()) < 200
    from email import message_from_bytes, policy

    read = message_from_bytes(written, policy=policy.default)
    assert (read["Subject"], read["Message-ID"], read["Date"]) == (
        "Grüße",
        "<1@example.com>",
        "Tue, 14 Nov 2023 22:13:20 +0000",
    )
    assert read.get_content().replace("\r\n", "\n") == letter.text


def test_the_page(admin: Actor, rep: Actor, sign_in: Any, box: Mailbox) -> None:
    assert sign_in(rep.user).get(PAGE).status_code == 403
    browser = sign_in(admin.user)
    assert b"Enter a mail server and a from address first." in browser.get(PAGE).content
    given = {"host": "127.0.0.1", "port": str(box.port), "security": "none", "sender": "help@example.com"}
    assert browser.post(PAGE, given | {"port": "0"}).status_code == 400
    assert browser.post(PAGE, given).status_code == 302
    assert browser.post(f"{PAGE}/test", {"to": "nobody"}).status_code == 400
    assert browser.get(f"{PAGE}/state").json() == {"state": "none", "text": ""}
    assert browser.post(f"{PAGE}/test", {"to": "b@example.com"}).status_code == 302
    assert browser.get(f"{PAGE}/state").json()["state"] == "pending"
    run_jobs()
    assert browser.get(f"{PAGE}/state").json()["state"] == "sent"
    assert b"It said: 250 2.0.0 kept as number 1" in browser.get(PAGE).content
    secure = given | {"security": "tls", "user": USER, "password": PASSWORD}
    assert browser.post(PAGE, secure).status_code == 302
    body = browser.get(PAGE).content.decode()
    assert PASSWORD not in body
    assert "A password is stored." in body
