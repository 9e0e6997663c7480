"""The few requests that an agent makes over HTTPS: enrolment, and the customer client's information and start.

One connection: `GET /api/agent/site`, the site's proof is checked against this connection's TLS key, only then is
anything posted. If the connection has to be opened again, the new one must have the same TLS key. Redirects are not
followed. Blocking: callers in an event loop use a thread.
"""

import http.client
import ssl
from typing import TypeVar

import msgspec

from farhand.agent.core.address import split_server
from farhand.agent.core.errors import RefusedError, UnreachableError, WrongSiteError, reason_of
from farhand.agent.core.site import OTHER_TLS_KEY, WRONG_SITE, SiteGuard
from farhand.agent.texts import _
from farhand.kit.net import endpoint_context, spki_sha256
from farhand.protocol.messages import NOT_UNDERSTOOD, Line, Message, Name, Token

T = TypeVar("T")

TIMEOUT_S = 20.0
MAX_ANSWER = 262_144
_PASSING = frozenset({408, 425, 429})
"""Answers that say: not now. So does every one from 500 on."""


class SiteAnswer(Message, frozen=True, kw_only=True):
    """Answer of `GET /api/agent/site`; `site_key` is for people, the pinned one decides."""

    statement: Token
    site_key: Line = ""
    name: Name = ""


class _Error(Message, frozen=True, kw_only=True):
    code: Name = ""
    text: Line = ""


class _ErrorAnswer(Message, frozen=True, kw_only=True):
    error: _Error


class _PinnedConnection(http.client.HTTPSConnection):
    """Remembers the TLS key of its first connection and refuses any other when it has to connect again."""

    spki = ""

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        spki = spki_sha256(self.sock.getpeercert(binary_form=True) or b"")
        if self.spki and spki != self.spki:
            self.close()
            raise WrongSiteError(OTHER_TLS_KEY)
        self.spki = spki


class SiteClient:
    """HTTPS to one proven site. Use as a context manager; every method raises ClientError."""

    def __init__(self, server: str, guard: SiteGuard) -> None:
        self.server = server
        host, port = split_server(server)
        self._http = _PinnedConnection(host, port, timeout=TIMEOUT_S, context=endpoint_context())
        self._guard = guard
        self._proven = False

    def __enter__(self) -> "SiteClient":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.close()

    def prove(self) -> None:
        """Have the server prove that it belongs to the site."""
        status, body = self._exchange("GET", "/api/agent/site", None)
        if status == 503:
            text = _("This appliance is not set up yet, or is starting: try again later.")
            raise RefusedError("not-claimed", text, passing=True)
        try:
            answer = msgspec.json.decode(body, type=SiteAnswer)
        except NOT_UNDERSTOOD as error:
            raise WrongSiteError(WRONG_SITE) from error
        self._guard.check_site(answer.statement, self._http.spki)
        self._proven = True

    def post(self, path: str, value: object, as_type: type[T]) -> T:
        """Post `value` as JSON and return the decoded answer. The site is proven first."""
        if not self._proven:
            self.prove()
        status, body = self._exchange("POST", path, msgspec.json.encode(value))
        if status != 200:
            raise self._refusal(status, body)
        try:
            return msgspec.json.decode(body, type=as_type)
        except NOT_UNDERSTOOD as error:
            raise UnreachableError(_("The server's answer is not understood: it may need an update.")) from error

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            self._http.request(method, path, body=body, headers=headers)
            answer = self._http.getresponse()
            data = answer.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                _("The server {server} cannot be reached: {reason}.").format(
                    server=self.server, reason=reason_of(error)
                )
            ) from error
        if len(data) > MAX_ANSWER:
            raise UnreachableError(_("The server's answer is not understood: it may need an update."))
        return answer.status, data

    def _refusal(self, status: int, body: bytes) -> RefusedError:
        try:
            error = msgspec.json.decode(body, type=_ErrorAnswer).error
        except NOT_UNDERSTOOD:
            error = _Error()
        text = error.text or _("The server answered with status {status}: try again later.").format(status=status)
        return RefusedError(error.code, text, passing=status >= 500 or status in _PASSING)
