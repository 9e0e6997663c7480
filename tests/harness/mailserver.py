"""A mail server of a test's own, on loopback: aiosmtpd, with STARTTLS, TLS, sign-in, and answers of its choice."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

USER, PASSWORD = "farhand", "open sesame, mail"


@dataclass
class Mailbox:
    """What arrived, and what the server answers instead of taking it."""

    port: int = 0
    messages: list[Envelope] = field(default_factory=list)
    sign_ins: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """`MAIL`, `RCPT` or `DATA` to an answer."""
    secured: list[bool] = field(default_factory=list)
    """Whether the connection of each message was encrypted."""

    async def handle_MAIL(
        self, server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO."""
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """The message."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.secured.append(server.transport.get_extra_info("sslcontext") is not None)
        self.messages.append(envelope)
        return "250 2.0.0 kept as number 1"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        """AUTH."""
        assert isinstance(given, LoginPassword)
        pair = (given.login.decode(), given.password.decode())
        self.sign_ins.append(pair)
        return AuthResult(success=pair == (USER, PASSWORD), handled=False)


@contextmanager
def mail_server(security: str = "none", *, pair: Path | None = None, sign_in: bool = False) -> Iterator[Mailbox]:
    """Run one. `pair`: folder of `cert.pem` and `key.pem`, for STARTTLS and TLS."""
    mailbox = Mailbox()
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair / "cert.pem", pair / "key.pem")
    options: dict[str, Any] = {}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if sign_in:
        options |= {"authenticator": mailbox.authenticate, "auth_required": True, "auth_require_tls": security != "tls"}
    loop = asyncio.new_event_loop()

    async def listen() -> asyncio.Server:
        return await loop.create_server(
            lambda: SMTP(mailbox, hostname="mail.test", loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=context if security == "tls" else None,
        )

    thread = threading.Thread(target=loop.run_forever, name="mail server", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(60)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
