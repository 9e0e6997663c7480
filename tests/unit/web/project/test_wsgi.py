"""Behind the relay: whose address counts, and that no body stays in the connection."""

import io
import logging
from typing import Any

import pytest

from farhand.web.project.logs import Bridge
from farhand.web.project.wsgi import CountingInput, behind_relay


def run(environ: dict[str, Any], body: bytes, read: int) -> tuple[dict[str, Any], io.BytesIO]:
    seen: dict[str, Any] = {}
    source = io.BytesIO(body)

    def inner(inside: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(inside)
        inside["wsgi.input"].read(read)
        return []

    behind_relay(inner)({"wsgi.input": source, "CONTENT_LENGTH": str(len(body)), **environ}, None)  # type: ignore[arg-type]
    return seen, source


@pytest.mark.parametrize(
    ("header", "address"),
    [("192.0.2.1", "192.0.2.1"), ("203.0.113.9, 192.0.2.1", "192.0.2.1"), ("", ""), ("2001:db8::1", "2001:db8::1")],
)
def test_the_last_address_is_the_relays_word(header: str, address: str) -> None:
    seen, _source = run({"HTTP_X_FORWARDED_FOR": header, "REMOTE_ADDR": "spoof"}, b"", 0)
    assert seen["REMOTE_ADDR"] == address
    assert "HTTP_X_FORWARDED_FOR" not in seen
    assert seen["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize("read", [0, 10, 200_000])
def test_unread_bodies_are_drained(read: int) -> None:
    _seen, source = run({}, b"x" * 200_000, read)
    assert source.tell() == 200_000


def test_the_body_ends_at_its_length() -> None:
    body = CountingInput(io.BytesIO(b"one\ntwo\nNEXT REQUEST"), "8")
    assert list(body) == [b"one\n", b"two\n"]
    assert body.read() == b""
    assert CountingInput(io.BytesIO(b"abc"), "nonsense").read() == b""
    assert CountingInput(io.BytesIO(b"ab"), "5").read(4) == b"ab"


def test_what_breaks_outside_django_is_answered_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    def inner(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise ValueError("broken address table")

    told: list[str] = []
    source = io.BytesIO(b"body")
    environ = {"wsgi.input": source, "CONTENT_LENGTH": "4", "PATH_INFO": "/login"}
    answer = behind_relay(inner)(environ, lambda status, _headers: told.append(status))
    assert told == ["500 Internal Server Error"]
    assert b"".join(answer).startswith(b"Something went wrong here.")
    assert source.tell() == 4
    out = capsys.readouterr()
    assert "broken address table" in out.out + out.err


def test_refused_requests_write_no_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    for status, lines in ((404, 0), (503, 0), (500, 1)):
        record = logging.LogRecord("django.request", logging.ERROR, "", 0, "text %s", (status,), None)
        record.status_code = status
        Bridge().emit(record)
        out = capsys.readouterr()
        assert (out.out + out.err).count("library") == lines
