"""A person with a browser's cookies but without a browser: fast HTTPS for scenario tests.

Sends what a browser sends (Origin, Referer, CSRF field) and keeps cookies; certificates are not checked, because the
test appliance makes its own.
"""

import html
import http.client
import json
import re
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

FIELD = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')


@dataclass
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, with HTML entities resolved."""
        return html.unescape(self.body.decode("utf-8", "replace"))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Visitor:
    """One person at `https://host:port`; the host is a name or an IPv4 address of the appliance."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    host: str = "localhost"

    @property
    def origin(self) -> str:
        """The origin that this person's pages have."""
        return f"https://{self.host}:{self.port}"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request on a new connection."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=60, context=context)
        sent = {"Accept-Language": self.language, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if method != "GET":
            sent |= {"Origin": self.origin, "Referer": self.origin + path}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if not sent["Cookie"]:
            del sent["Cookie"]
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    pair = value.split(";", 1)[0]
                    key, _, content = pair.partition("=")
                    self.cookies[key] = content
        finally:
            connection.close()
        return answer

    def get(self, path: str, *, follow: bool = True) -> Answer:
        """Fetch a page; redirects on this host are followed (at most five)."""
        answer = self.request("GET", path)
        for _ in range(5):
            if not follow or answer.status not in (301, 302, 303, 307):
                break
            answer = self.request("GET", answer.headers["location"].removeprefix(self.origin))
        return answer

    def submit(self, path: str, fields: dict[str, Any], *, follow: bool = True, to: str = "") -> Answer:
        """Load the page for its form token, then post the form (`to` another address). Lists become repeated fields."""
        page = self.get(path)
        token = FIELD.search(page.body.decode("utf-8", "replace"))
        assert token, f"{path} has no form: {page.status} {page.text[-1500:]}"
        content = urlencode({**fields, "csrfmiddlewaretoken": token.group(1)}, doseq=True).encode()
        answer = self.request("POST", to or path, content, Content_Type="application/x-www-form-urlencoded")
        if follow and answer.status in (301, 302, 303):
            return self.get(answer.headers["location"].removeprefix(self.origin))
        return answer

    def api(self, method: str, path: str, content: Any = None) -> Answer:
        """Call the console's API."""
        token = next((v for k, v in self.cookies.items() if "csrf" in k.lower()), "")
        body = None if content is None else json.dumps(content).encode()
        return self.request(method, path, body, Content_Type="application/json", X_CSRFToken=token)
