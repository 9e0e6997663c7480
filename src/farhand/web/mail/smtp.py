"""Handing one message to the site's mail server: SMTP (RFC 5321) by the standard library, with STARTTLS or TLS.

Every way in which it can fail is one sentence for people (`NotSent`), with what the server said, and whether it may
pass by itself. Rules: certificates are checked, always; a password goes over an encrypted connection alone; the whole
conversation has a time limit, so that a server that answers byte by byte holds nobody up.
"""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from farhand.rules.text import gettext_noop as _

Security = Literal["none", "starttls", "tls"]
WAIT_S: Final = 20.0
"""Longest wait for one answer."""
WHOLE_S: Final = 120.0
"""Longest conversation."""
MAX_ANSWER: Final = 255

UNKNOWN_HOST: Final = _("The name of the mail server is not known. Check it, and the DNS servers of the appliance.")
UNREACHABLE: Final = _("The mail server cannot be reached. Check host and port, and whether a firewall is between.")
SILENT: Final = _(
    "The mail server did not answer in time. Check port and security: TLS and STARTTLS have different ports."
)
NOT_TRUSTED: Final = _(
    "The mail server's certificate is not trusted, or is for another name. Enter the certificate of its authority."
)
NO_ENCRYPTION: Final = _("No encryption could be agreed on. Check port and security.")
NO_STARTTLS: Final = _("The mail server does not offer STARTTLS. Choose another security or another port.")
NO_SIGN_IN: Final = _("The mail server takes no user name and password here. Leave them empty, or choose another port.")
WRONG_PASSWORD: Final = _("The mail server refused the user name or the password.")
SENDER_REFUSED: Final = _("The mail server does not send from this address. Check the from address.")
RECIPIENT_REFUSED: Final = _("The mail server does not take messages for this recipient.")
MESSAGE_REFUSED: Final = _("The mail server did not take the message.")
BUSY: Final = _("The mail server cannot take the message at the moment.")
BROKE_OFF: Final = _("The mail server broke off the connection.")


class NotSent(Exception):
    """The message was not taken. `text`: a marked English sentence; `answer`: the server's words, printable."""

    def __init__(self, text: str, answer: str = "", *, passing: bool) -> None:
        super().__init__(text)
        self.text = text
        self.answer = answer
        self.passing = passing
        """Trying again later may help."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server and how to speak with it."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    password: str = ""
    authority: str = ""
    """Certificates (PEM) that are trusted beside those of the system."""
    name: str = "localhost"
    """How the appliance calls itself."""

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.security})"


def context_for(authority: str) -> ssl.SSLContext:
    """The system's certificates and these. Raises ssl.SSLError when these are none."""
    context = ssl.create_default_context()
    if authority:
        context.load_verify_locations(cadata=authority)
    return context


def send(server: Server, sender: str, to: str, message: bytes) -> str:
    """Hand over a message; returns what the server said to it. Raises NotSent."""
    with _told(), _connection(server) as smtp:
        if server.security == "starttls":
            smtp.ehlo()
            if not smtp.has_extn("starttls"):
                raise NotSent(NO_STARTTLS, passing=False)
            smtp.starttls(context=context_for(server.authority))
        smtp.ehlo()
        if server.user:
            smtp.login(server.user, server.password)
        _taken(smtp.mail(sender, ["BODY=7BIT"] if smtp.has_extn("8bitmime") else []), SENDER_REFUSED)
        _taken(smtp.rcpt(to), RECIPIENT_REFUSED)
        answer = _taken(smtp.data(message), MESSAGE_REFUSED)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        return answer


@contextlib.contextmanager
def _connection(server: Server) -> Iterator[smtplib.SMTP]:
    """A connected server, for as long as a conversation may last."""
    late = threading.Timer(WHOLE_S, lambda: _cut(smtp))
    late.daemon = True
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            local_hostname=server.name, timeout=WAIT_S, context=context_for(server.authority)
        )
    else:
        smtp = smtplib.SMTP(local_hostname=server.name, timeout=WAIT_S)
    # The constructor would read the greeting before anybody could end that; the name is what certificates are for.
    smtp._host = server.host  # type: ignore[attr-defined]
    late.start()
    try:
        code, answer = smtp.connect(server.host, server.port)
        _taken((code, answer), BROKE_OFF)
        yield smtp
    finally:
        late.cancel()
        smtp.close()


def _cut(smtp: smtplib.SMTP) -> None:
    """End a conversation that lasts too long: whoever reads it finds its end."""
    with contextlib.suppress(OSError, AttributeError):
        assert smtp.sock is not None
        smtp.sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Make every way in which a conversation can end one of the sentences of this module."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise _refused(error, WRONG_PASSWORD) from error
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(NO_SIGN_IN, passing=False) from error
    except smtplib.SMTPServerDisconnected as error:
        late = isinstance(error.__context__, TimeoutError)  # how smtplib says that an answer did not come
        raise NotSent(SILENT if late else BROKE_OFF, passing=True) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error, MESSAGE_REFUSED) from error
    except smtplib.SMTPException as error:
        # smtplib has no class of its own for "none of the server's ways to sign in is known".
        raise NotSent(NO_SIGN_IN, passing=False) from error
    except ssl.SSLCertVerificationError as error:
        raise NotSent(NOT_TRUSTED, printable(error.verify_message), passing=True) from error
    except ssl.SSLError as error:
        raise NotSent(NO_ENCRYPTION, passing=True) from error
    except socket.gaierror as error:
        raise NotSent(UNKNOWN_HOST, passing=True) from error
    except TimeoutError as error:
        raise NotSent(SILENT, passing=True) from error
    except OSError as error:
        raise NotSent(UNREACHABLE, printable(error.strerror or ""), passing=True) from error


def _refused(error: smtplib.SMTPResponseException, text: str) -> NotSent:
    answer = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
    return _no(error.smtp_code, answer, text)


def _taken(said: tuple[int, bytes], text: str) -> str:
    code, answer = said
    if not 200 <= code < 300:
        raise _no(code, answer, text)
    return printable(f"{code} {answer.decode('utf-8', 'replace')}")


def _no(code: int, answer: bytes, text: str) -> NotSent:
    passing = 400 <= code < 500
    words = printable(f"{code} {answer.decode('utf-8', 'replace')}")
    return NotSent(BUSY if passing else text, words, passing=passing)


def printable(text: str) -> str:
    """A text from outside in one line, without what could control anything."""
    flat = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(flat.split())[:MAX_ANSWER]
