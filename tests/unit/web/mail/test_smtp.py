"""Handing a message to a real mail server: what it takes, what it refuses, and the sentence for each."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.harness.mailserver import PASSWORD, USER, mail_server

from farhand.web.appliance.keys import make_tls
from farhand.web.mail import smtp
from farhand.web.mail.smtp import NotSent, Server, send

MESSAGE = b"Subject: x\r\n\r\nhello\r\n.a line with a dot\r\n"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A certificate for localhost and its key."""
    make_tls("localhost")
    return tmp_path / "tls"


def server(port: int, **more: Any) -> Server:
    return Server(**{"host": "127.0.0.1", "port": port, "security": "none"} | more)


def refusal(of: Server) -> NotSent:
    with pytest.raises(NotSent) as refused:
        send(of, "a@example.com", "b@example.com", MESSAGE)
    return refused.value


# aiosmtpd does not see that a connection is TLS from its beginning.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_message_arrives(security: str, pair: Path) -> None:
    with mail_server(security, pair=pair, sign_in=security != "none") as box:
        login = {} if security == "none" else {"user": USER, "password": PASSWORD}
        authority = (pair / "cert.pem").read_text()
        to = server(box.port, host="localhost", security=security, authority=authority, **login)
        assert send(to, "a@example.com", "b@example.com", MESSAGE) == "250 2.0.0 kept as number 1"
    [envelope] = box.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("a@example.com", ["b@example.com"])
    assert envelope.content == MESSAGE
    assert box.secured == [security != "none"]
    assert box.sign_ins == ([] if security == "none" else [(USER, PASSWORD)])


def test_every_no_is_a_sentence_with_what_the_server_said() -> None:
    cases = {
        "MAIL": ("550 5.7.1 not from\x07 you", smtp.SENDER_REFUSED, False),
        "RCPT": ("550 5.1.1 nobody here", smtp.RECIPIENT_REFUSED, False),
        "DATA": ("554 5.6.0 no", smtp.MESSAGE_REFUSED, False),
    }
    with mail_server() as box:
        for step, (answer, text, passing) in cases.items():
            box.answers = {step: answer}
            no = refusal(server(box.port))
            assert (no.text, no.answer, no.passing) == (text, answer.replace("\x07", ""), passing)
        box.answers = {"RCPT": "451 4.7.1 later"}
        no = refusal(server(box.port))
        assert (no.text, no.answer, no.passing) == (smtp.BUSY, "451 4.7.1 later", True)
        assert refusal(server(box.port, security="starttls")).text == smtp.NO_STARTTLS
        assert refusal(server(box.port, security="tls")).text == smtp.NO_ENCRYPTION
        assert refusal(server(box.port, user=USER, password=PASSWORD)).text == smtp.NO_SIGN_IN
        assert not box.messages


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_certificate_that_is_not_trusted_is_refused_before_anything_is_said(pair: Path) -> None:
    for security in ("starttls", "tls"):
        with mail_server(security, pair=pair, sign_in=True) as box:
            no = refusal(server(box.port, host="localhost", security=security, user=USER, password=PASSWORD))
            assert (no.text, box.sign_ins) == (smtp.NOT_TRUSTED, [])


def test_a_wrong_password(pair: Path) -> None:
    with mail_server("starttls", pair=pair, sign_in=True) as box:
        authority = (pair / "cert.pem").read_text()
        to = server(box.port, host="localhost", security="starttls", authority=authority, user=USER, password="no")
        no = refusal(to)
        assert (no.text, no.passing) == (smtp.WRONG_PASSWORD, False)
        assert "535" in no.answer


def _unknown(*_given: object, **_more: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_where_no_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert refusal(server(closed.getsockname()[1])).text == smtp.UNREACHABLE
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", _unknown)  # the outside world
        assert refusal(server(25, host="mail.invalid")).text == smtp.UNKNOWN_HOST
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setattr(smtp, "WAIT_S", 0.2)
        assert refusal(server(mute.getsockname()[1])).text == smtp.SILENT


def test_a_server_that_talks_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "WHOLE_S", 0.5)
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        peer, _address = listening.accept()
        with peer:
            while not over.wait(0.02):
                try:
                    peer.sendall(b"220-still here\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        try:
            assert refusal(server(listening.getsockname()[1])).text == smtp.BROKE_OFF
        finally:
            over.set()
            thread.join(10)
