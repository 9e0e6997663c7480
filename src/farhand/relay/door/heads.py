"""Rules of the front door for HTTP heads: what crosses to `web`, what is refused, and the pages of refusal.

Pure functions over bytes; `edge` has the sockets. A request is parsed by llhttp and its head is written anew from what
was understood, so nothing that a client frames oddly reaches `web` as it came. Everything about the connection,
everything with which a client could claim another address, and every name with an underscore (WSGI folds it onto the
dashed one) stays out.
"""

import re
from collections.abc import Sequence
from typing import Final

MAX_HEAD: Final = 32 * 1024
"""Longest request line and headers together, in bytes."""
MAX_HEADERS: Final = 100
MAX_BODY: Final = 1 << 20
"""Longest body of a request, in bytes; it is kept in memory until it is whole."""

HOST: Final = re.compile(rb"([A-Za-z0-9.-]+|\[[0-9A-Fa-f]*:[0-9A-Fa-f.:]+\])(:[0-9]{1,5})?")
"""What a Host header may look like (RFC 9110 section 7.2 without user information and escapes)."""

Header = tuple[bytes, bytes]

_CONNECTION: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
        b"http2-settings",
    )
)
_CLAIMS: Final = frozenset((b"forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip"))
_METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))

_PHRASES: Final = {
    400: b"Bad Request",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    411: b"Length Required",
    413: b"Content Too Large",
    421: b"Misdirected Request",
    431: b"Request Header Fields Too Large",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
}


class Refused(Exception):
    """This request is not passed on; `status` and one sentence for whoever sent it."""

    def __init__(self, status: int, text: str, *, retry_after_s: int | None = None, lingers: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s
        self.lingers = lingers
        """Its body may be on its way: it is read and dropped for a moment, or its sender never sees the answer."""


def check(method: bytes, target: bytes, headers: Sequence[Header]) -> None:
    """Raise Refused unless this request may cross. `headers` have lower-case names."""
    names = [name for name, _ in headers]
    if method not in _METHODS:
        raise Refused(405, "This method is not served here.")
    if not target.startswith(b"/"):
        raise Refused(400, "The request target must be a path that begins with a slash.")
    if names.count(b"host") != 1:
        raise Refused(400, "A request needs exactly one Host header.")
    if not HOST.fullmatch(dict(headers)[b"host"].strip()):
        raise Refused(400, "The Host header is not a name or an address, with or without a port.")
    if b"transfer-encoding" in names:
        # WSGI reads a chunked body as empty: saying so beats losing an upload.
        raise Refused(411, "Send the body with a Content-Length; chunked uploads are not served here.")
    if names.count(b"content-length") > 1:
        raise Refused(400, "A request may have one Content-Length header.")


def check_host(headers: Sequence[Header], hosts: Sequence[str]) -> None:
    """Raise Refused unless the Host header, of which there is one, is a name of this appliance."""
    host = next(value for name, value in headers if name == b"host")
    if "*" not in hosts and not host_allowed(host.decode("latin-1"), hosts):
        raise Refused(421, "This appliance does not have that name. Open it by the name that it was given.")


def body_size(headers: Sequence[Header]) -> int:
    """Return the announced length of the body, in bytes. Raises Refused when it is too long."""
    size = 0
    for name, value in headers:
        if name == b"content-length":
            if not value.strip().isdigit():
                raise Refused(400, "A Content-Length must be a number.")
            size = int(value[:20])
    if size > MAX_BODY:
        text = f"A request's body may have {MAX_BODY >> 20} MiB. Send less."
        raise Refused(413, text, lingers=True)
    return size


def expects_continue(headers: Sequence[Header]) -> bool:
    """Say whether the client waits for a word before it sends the body (RFC 9110, section 10.1.1)."""
    return any(name == b"expect" and value.strip().lower() == b"100-continue" for name, value in headers)


def rewrite(
    method: bytes, target: bytes, headers: Sequence[Header], address: bytes, scheme: bytes, *, keep_alive: bool
) -> bytes:
    """Return the head that `web` gets. The address and scheme are the relay's own word, whatever the client wrote."""
    named = {
        token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")
    } - {b"host", b"content-length"}
    out = [b"%s %s HTTP/1.1\r\n" % (method, target)]
    host = b""
    for name, value in headers:
        if name == b"host":
            host = value
        dropped = name in _CONNECTION or name in _CLAIMS or name in named
        if not dropped and not name.startswith(b"x-forwarded-") and b"_" not in name:
            out.append(b"%s: %s\r\n" % (name, value))
    out.append(b"x-forwarded-for: %s\r\nx-forwarded-proto: %s\r\nx-forwarded-host: %s\r\n" % (address, scheme, host))
    if not keep_alive:
        out.append(b"connection: close\r\n")
    out.append(b"\r\n")
    return b"".join(out)


def page(status: int, text: str, retry_after_s: int | None = None) -> bytes:
    """Return a whole answer that says one sentence and closes the connection."""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Farhand</title><h1>{_PHRASES[status].decode()}</h1><p>{text}</p></html>\n"
    ).encode()
    retry = b"Retry-After: %d\r\n" % retry_after_s if retry_after_s is not None else b""
    return (
        b"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
        b"Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        b"%sConnection: close\r\n\r\n" % (status, _PHRASES[status], len(body), retry)
    ) + body


def host_name(host: str) -> str:
    """Return the name in a Host value: lower case, without port, IPv6 brackets kept."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def host_allowed(host: str, hosts: Sequence[str]) -> bool:
    """Say whether a Host header names this appliance. `*` among `hosts` allows any name."""
    if not HOST.fullmatch(host.strip().encode("latin-1", "replace")):
        return False
    return "*" in hosts or host_name(host) in (entry.lower() for entry in hosts)


def origin_allowed(origin: str, host: str) -> bool:
    """Say whether a browser's Origin is the page of this very host and port, over TLS."""

    def plain(value: str) -> str:
        return value.strip().lower().removesuffix(":443")

    scheme, separator, rest = origin.partition("://")
    return scheme.lower() == "https" and bool(separator) and bool(rest) and plain(rest) == plain(host)
