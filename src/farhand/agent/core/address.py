"""The address of a site, as people give it. Apart from `https`, whose libraries an idle client need not load."""

from urllib.parse import urlsplit

from farhand.agent.core.errors import ClientError
from farhand.agent.texts import _


def split_server(server: str) -> tuple[str, int]:
    """Return host and port of `https://HOST[:PORT]`. Raises ClientError."""
    try:
        parts = urlsplit(server)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "https" or not host or parts.path not in {"", "/"} or parts.query or parts.username:
        raise ClientError(_("The server must be given as https://HOST or https://HOST:PORT."))
    return host, port if port is not None else 443
