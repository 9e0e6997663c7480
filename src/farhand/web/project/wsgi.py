"""The WSGI application behind the relay: Django, with what the relay knows of the client put in its place.

Every connection comes from the relay over a socket that only this user can open, and the relay writes the requests
anew: exactly one `X-Forwarded-For` of its own. Rules: nothing else that a client sent may name its address; a body
that no page read is read to its end, or the connection could not carry the next request.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "farhand.web.project.settings")

from django.core.wsgi import get_wsgi_application

from farhand.kit.log import get_log

log = get_log("web")
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

DRAIN_CHUNK = 1 << 16
DRAIN_MAX = 64 << 20
"""A page that ignores more than this closes the connection instead."""


def behind_relay(inner: Application) -> Application:
    """Wrap an application as described above."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        forwarded = str(environ.pop("HTTP_X_FORWARDED_FOR", ""))
        environ["REMOTE_ADDR"] = forwarded.rpartition(",")[2].strip()[:64]
        environ["wsgi.url_scheme"] = "https"
        body = CountingInput(environ["wsgi.input"], environ.get("CONTENT_LENGTH") or "0")
        environ["wsgi.input"] = body
        try:
            answer = inner(environ, start_response)
        except Exception:
            # Django answers what pages raise; this is what its own error page or a broken address table raised.
            log.exception("request_broke", method=environ.get("REQUEST_METHOD"), path=environ.get("PATH_INFO"))
            start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
            answer = [b"Something went wrong here. Try again; the log of the appliance says more.\n"]
        if body.left:
            body.drain()
        return answer

    return application


class CountingInput:
    """A request body that knows how much of it is left."""

    def __init__(self, source: Any, length: str) -> None:
        self._source = source
        self.left = int(length) if length.isdigit() else 0

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes (all that is left when negative)."""
        wanted = self.left if size < 0 else min(size, self.left)
        if wanted <= 0:
            return b""
        data: bytes = self._source.read(wanted)
        self.left = self.left - len(data) if data else 0
        return data

    def readline(self, size: int = -1) -> bytes:
        """Read a line of at most `size` bytes."""
        wanted = self.left if size < 0 else min(size, self.left)
        if wanted <= 0:
            return b""
        data: bytes = self._source.readline(wanted)
        self.left = self.left - len(data) if data else 0
        return data

    def __iter__(self) -> "CountingInput":
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def drain(self) -> None:
        """Read what no page wanted."""
        done = 0
        while self.left and done < DRAIN_MAX:
            done += len(self.read(DRAIN_CHUNK))


application = behind_relay(get_wsgi_application())
