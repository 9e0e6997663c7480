"""A fresh appliance: nothing but the claim before the claim, accounts after it, how it starts, stops and refuses."""

import os
import signal
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness.appliance import ADMIN, BOX_ADMIN, LINK, Appliance, free_port, run_farhand, wait_for
from tests.harness.claimed import claim, sign_in
from tests.harness.client import alive, children_of
from tests.harness.console import Console


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance that nobody claims."""
    with Appliance(tmp_path_factory.mktemp("fresh")) as running:
        yield running


def raw(appliance: Appliance, request: bytes) -> bytes:
    """Send bytes to the port and return the answer."""
    context = ssl._create_unverified_context()
    with (
        socket.create_connection(("localhost", appliance.port), timeout=60) as plain,
        context.wrap_socket(plain) as tls,
    ):
        tls.sendall(request)
        answer = b""
        while block := tls.recv(65536):
            answer += block
    return answer


def sentence_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence for the person that a failed command ends with."""
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr, done.stderr
    sentences = [line for line in lines if line.startswith("farhand: ")]
    assert len(sentences) == 1, done.stderr
    assert lines[-1] == sentences[0]
    assert not done.stdout, done.stdout
    return sentences[0]


#
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/", "/login", "/login/", "/Login", "//login", "/login/../claim", "/claim", "/claim/../login",
        "/claim/..;/login", "/claim%2f..%2flogin", "/%6cogin", "/login/sign-in", "/appliance", "/appliance/sign-in",
        "/console", "/s", "/start", "/help", "/help/download", "/dl/client/linux", "/api/agent/site",
        "/api/agent/enrol", "/api/customer/start", "/api/console/snapshot", "/reports/x/screen/index.json",
        "/live/link", "/live/leg", "/live/events", "/live/", "/live/../login", "/LIVE/link", "/nothing?next=/claim/x",
    ],
)  # fmt: skip
def test_before_the_claim_nothing_is_served(fresh: Appliance, method: str, path: str) -> None:
    answer = raw(
        fresh,
        f"{method} {path} HTTP/1.1\r\nHost: localhost:{fresh.port}\r\n"
        "Connection: close\r\nContent-Length: 0\r\n\r\n".encode(),
    )
    status = answer.split(b" ", 2)[1]
    if path in ("/live/", "/live/../login") and method == "GET":
        assert status == b"404", answer[:300]
    else:
        assert status == b"503", answer[:300]
        assert b"claim" in answer
    assert b"Set-Cookie: __Host-farhand" not in answer


#
def test_before_the_claim_the_live_plane_refuses_an_upgrade(fresh: Appliance) -> None:
    for path in ("link", "leg", "events"):
        answer = raw(
            fresh,
            f"GET /live/{path} HTTP/1.1\r\nHost: localhost:{fresh.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode(),
        )
        assert answer.startswith(b"HTTP/1.1 503"), answer[:200]
        assert b"not been claimed" in answer


#
def test_the_page_before_the_claim_says_what_to_do(fresh: Appliance) -> None:
    answer = fresh.visitor().get("/login")
    assert answer.status == 503
    assert "claim link" in answer.text
    assert "farhand claim-link" in answer.text
    assert answer.headers["cache-control"] == "no-store"


#
def test_no_password_of_a_factory_exists_before_the_claim(fresh: Appliance) -> None:
    for path in ("/login/sign-in", "/appliance/sign-in", "/console"):
        body = b"username=admin&password=password"
        answer = fresh.visitor().request("POST", path, body, Content_Type="application/x-www-form-urlencoded")
        assert answer.status == 503


#
def test_a_wrong_claim_link_says_how_to_get_a_new_one(fresh: Appliance) -> None:
    for token in ("x", "A" * 22, "A" * 3000, "%00", "../login"):
        answer = fresh.visitor().get(f"/claim/{token}")
        assert answer.status == 503, token
        assert "claim-link" in answer.text


#
def test_a_new_claim_link_ends_the_older_one_and_an_expired_one_is_worthless(fresh: Appliance) -> None:
    older = "/claim/" + fresh.command("claim-link").stdout.strip().rsplit("/", 1)[1]
    done = fresh.command("claim-link")
    assert done.returncode == 0, done.stderr
    newer = "/claim/" + done.stdout.strip().rsplit("/", 1)[1]
    assert fresh.visitor().get(older).status == 503
    assert fresh.visitor().get(newer).status == 200
    with sqlite3.connect(fresh.data / "db.sqlite3") as database:  # an hour passes
        assert database.execute("UPDATE accounts_claimtoken SET expires_ms = 1").rowcount == 1
    expired = fresh.visitor().get(newer)
    assert expired.status == 503
    assert "claim-link" in expired.text


#
def test_a_claim_with_a_bad_password_changes_nothing(fresh: Appliance) -> None:
    path = "/claim/" + fresh.command("claim-link").stdout.strip().rsplit("/", 1)[1]
    for bad in ("short", "password1234", ADMIN["username"]):
        fields = {
            "username": "admin", "display_name": "A", "password": bad, "password_again": bad,
            "appliance_username": "box", "appliance_password": BOX_ADMIN["password"],
            "appliance_password_again": BOX_ADMIN["password"],
        }  # fmt: skip
        answer = fresh.visitor().submit(path, fields)
        assert answer.status == 400
    assert fresh.visitor().get("/login").status == 503


#
def test_the_claim_works_once_and_opens_what_was_ticked_only(tmp_path: Path) -> None:
    with Appliance(tmp_path) as own:
        path = own.claim_path
        answer = claim(own, web_console=False)
        assert "second factor" in answer.text.lower()
        assert own.visitor().get(path).status == 404
        assert own.visitor().get("/claim/" + "A" * 22).status == 404
        assert own.visitor().get("/login").status == 200
        refused = own.command("claim-link")
        assert refused.returncode == 1
        assert "claimed already" in sentence_of(refused)
        # Its switch was not ticked: nobody reaches the web console.
        off = own.visitor().get("/console")
        assert off.status == 403
        assert "switched off" in off.text
        admin = sign_in(own, ADMIN["username"], ADMIN["password"])
        assert admin.get("/console").status == 403
        assert admin.api("GET", "/api/console/snapshot").status == 403
        assert admin.api("POST", "/api/console/session-keys", {"lifetime_s": 600}).status == 403
        assert 'href="/console"' not in admin.get("/login/my-account/profile").text
        # /appliance has an account of its own, which opens nothing else; and nobody's opens by a well-known password.
        box = own.visitor()
        entered = box.submit("/appliance/sign-in", {k: BOX_ADMIN[k] for k in ("username", "password")})
        assert entered.status == 200
        assert "Logout" in entered.text
        assert "Logout" not in box.get("/login").text
        assert box.api("GET", "/api/console/snapshot").status == 401
        wrong = [
            ("/appliance/sign-in", ADMIN["username"], ADMIN["password"]),
            ("/login/sign-in", BOX_ADMIN["username"], BOX_ADMIN["password"]),
            *(
                (path, name, "password")
                for path in ("/login/sign-in", "/appliance/sign-in")
                for name in ("admin", "box")
            ),
            ("/login/sign-in", "administrator", "password"),
        ]
        for path, name, password in wrong:
            answer = own.visitor().submit(path, {"username": name, "password": password})
            assert answer.status == 403, (path, name)
            assert "Logout" not in answer.text


#
def test_one_account_serves_login_and_console(appliance: Appliance) -> None:
    admin = sign_in(appliance, ADMIN["username"], ADMIN["password"])
    launch = admin.get("/login/my-account/profile").text
    assert 'href="/console"' in launch
    assert 'target="_blank"' in launch
    person = appliance.visitor()
    assert person.submit("/console", {"username": ADMIN["username"], "password": "wrong password here"}).status == 403
    entered = person.submit("/console", {"username": ADMIN["username"], "password": ADMIN["password"]})
    assert entered.status == 200
    assert Console(person).snapshot()["me"]["username"] == "admin"
    assert person.get("/login").status == 200
    assert "Logout" in person.get("/login").text
    # Switched off: it holds at once, for who is signed in already too.
    assert admin.submit("/login/management/security", {}).status == 200
    assert person.get("/console").status == 403
    assert person.api("GET", "/api/console/snapshot").status == 403
    assert admin.submit("/login/management/security", {"web_console": "on"}).status == 200


def test_an_administrator_makes_accounts_without_a_browser(appliance: Appliance) -> None:
    password = "rather long words in a row"
    made = appliance.command(
        "user", "create", "rep", "--display-name", "Rep", "--password-stdin", stdin=password + "\n"
    )
    assert made.returncode == 0, made.stderr
    assert "rep" in made.stdout
    sign_in(appliance, "rep", password)
    again = appliance.command("user", "create", "rep", "--password-stdin", stdin=password + "\n")
    assert again.returncode == 1
    assert sentence_of(again)
    short = appliance.command("user", "create", "other", "--password-stdin", stdin="short\n")
    assert short.returncode == 1
    assert "12" in sentence_of(short)
    signed_in = sign_in(appliance, "rep", password)
    reset = appliance.command("user", "reset-password", "rep", "--password-stdin", stdin="an entirely different one\n")
    assert reset.returncode == 0, reset.stderr
    assert "Logout" not in signed_in.get("/login").text, "its browser sessions end"
    assert appliance.visitor().submit("/login/sign-in", {"username": "rep", "password": password}).status == 403
    sign_in(appliance, "rep", "an entirely different one")
    nobody = appliance.command(
        "user", "reset-password", "nobody", "--password-stdin", stdin="an entirely different one\n"
    )
    assert nobody.returncode == 1
    assert "nobody" in sentence_of(nobody)


def test_a_second_appliance_on_the_same_folder_or_port_says_why(appliance: Appliance, tmp_path: Path) -> None:
    folder = run_farhand("serve", "--data", str(appliance.data), "--port", str(free_port()))
    assert folder.returncode == 1
    assert "already runs" in sentence_of(folder)
    busy = run_farhand("serve", "--data", str(tmp_path / "other"), "--port", str(appliance.port))
    assert busy.returncode == 1
    assert "in use" in sentence_of(busy)
    assert appliance.visitor().get("/login").status == 200, "the first one is unharmed"


def test_a_folder_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/farhand")):
        done = run_farhand("serve", "--data", str(place), "--port", str(free_port()))
        assert done.returncode == 1, done.stderr
        assert str(place) in sentence_of(done)


def test_a_port_that_is_no_port_says_why(tmp_path: Path) -> None:
    done = run_farhand("serve", "--data", str(tmp_path / "data"), "--port", "70000")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr, done.stderr
    assert "70000" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_process_and_the_next_start_keeps_everything(appliance: Appliance, how: int) -> None:
    before = sign_in(appliance, ADMIN["username"], ADMIN["password"])
    mine = Console(before).snapshot()["me"]["id"]
    below = children_of(appliance.pid)
    assert len(below) >= 3
    assert appliance.stop(how) == 0
    assert "Farhand has stopped." in appliance.lines[-1]
    wait_for(lambda: not [pid for pid in below if alive(pid)], 60, "the end of every process")
    since = len(appliance.lines)
    appliance.start()
    wait_for(lambda: any("ready" in line for line in appliance.lines[since:]))
    assert not any(LINK.search(line) for line in appliance.lines[since:]), "it is claimed: no claim link any more"
    assert Console(before).snapshot()["me"]["id"] == mine, "who was signed in still is"
    assert len(os.listdir(appliance.data / "keys")) >= 4


def test_a_killed_supervisor_takes_its_programs_with_it(appliance: Appliance) -> None:
    below = children_of(appliance.pid)
    os.kill(appliance.pid, signal.SIGKILL)
    try:
        wait_for(lambda: not [pid for pid in below if alive(pid)], 15, "the end of every process")
    except AssertionError:
        raise AssertionError([Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below if alive(pid)]) from None
    appliance.stop()
    appliance.start()
    assert appliance.visitor().get("/login").status == 200


def test_help_is_for_strangers() -> None:
    for words in ((), ("serve",), ("claim-link",), ("user",), ("user", "create"), ("user", "reset-password")):
        done = run_farhand(*words, "--help")
        assert done.returncode == 0
        assert "Usage" in done.stdout
    unknown = run_farhand("no-such-thing")
    assert unknown.returncode == 2
    assert "Traceback" not in unknown.stderr + unknown.stdout
