"""The pages of /login, /claim and /appliance, as a browser without scripts sees them."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from farhand.protocol.actions import ACTIONS
from farhand.web.accounts import claim as claiming
from farhand.web.accounts import second_factor
from farhand.web.accounts.models import ApplianceUser, Team, User
from farhand.web.appliance import keys
from farhand.web.appliance.queries import actions_off, web_console_allowed
from farhand.web.project.middleware import SIGNED_IN_MS
from farhand.web.project.service import SYSTEM, Actor

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def code_of(secret: str, step: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))


def test_before_the_claim_everything_answers_503(browser: Client) -> None:
    #
    for address in ("/", "/login", "/login/sign-in", "/console", "/appliance", "/claim/nonsense", "/claim/../login",
    "/api/console/snapshot", "/dl/client/linux", "/start", "/language", "/nowhere"):  # fmt: skip
        for answer in (browser.get(address), browser.post(address, {"a": "b"})):
            assert answer.status_code == 503, address
            assert answer["Content-Security-Policy"]
    assert b"claim link" in browser.get("/login").content
    assert browser.get("/api/console/snapshot").json()["error"]["code"] == "not-claimed"
    assert browser.get("/static/design/admin.css").status_code == 200


def test_the_claim_page(browser: Client) -> None:
    keys.make_tls("localhost")
    address = claiming.new_claim_link(SYSTEM).removeprefix("https://localhost:8443")
    page = browser.get(address)
    assert page.status_code == 200
    body = page.content.decode()
    assert "Allow Mobile Representative Console and Web Rep Console to Connect" in body
    assert re.search(r'name="web_console"[^>]* checked', body)
    given = {
        "username": "admin", "display_name": "Admin", "password": GOOD, "password_again": GOOD + "x", "web_console":
        "on", "appliance_username": "box", "appliance_password": "staple under the roof",
        "appliance_password_again": "staple under the roof",
    }  # fmt: skip
    wrong = browser.post(address, given)
    assert wrong.status_code == 400
    assert "The two passwords are not the same." in wrong.content.decode()
    done = browser.post(address, {**given, "password_again": GOOD})
    assert done.status_code == 302
    assert done["Location"] == "/login/my-account/second-factor?offer=1"
    offered = browser.get(done["Location"])
    assert b"Not now" in offered.content
    assert browser.get(address).status_code == 404
    assert browser.post(address, given).status_code == 404
    assert browser.get("/login/users-security/users").status_code == 200


def test_signing_in_and_out(browser: Client, make_user: Any) -> None:
    make_user("rep")
    assert browser.get("/login")["Location"] == "/login/sign-in"
    away = browser.get("/login/my-account/profile")
    assert away["Location"] == "/login/sign-in?next=/login/my-account/profile"
    wrong = browser.post("/login/sign-in", {"username": "rep", "password": "no"})
    unknown = browser.post("/login/sign-in", {"username": "nobody", "password": "no"})
    for answer in (wrong, unknown):
        assert answer.status_code == 403
        assert b"The user name or the password is not right." in answer.content
    right = browser.post("/login/sign-in", {"username": "REP", "password": GOOD, "next": "/login/my-account/profile"})
    assert right["Location"] == "/login/my-account/profile"
    cookie = right.cookies["__Host-farhand"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert browser.get("/login/sign-out").status_code == 405
    out = browser.post("/login/sign-out")
    said = browser.get(out["Location"])
    assert b"You are signed out" in said.content
    assert browser.get("/login/my-account/profile").status_code == 302


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "/\\elsewhere"]
)
def test_next_stays_here(browser: Client, make_user: Any, to: str) -> None:
    make_user("rep")
    answer = browser.post("/login/sign-in", {"username": "rep", "password": GOOD, "next": to})
    assert answer["Location"] == "/login/status/information"


def test_guessing_is_slowed(browser: Client, make_user: Any) -> None:
    make_user("rep")
    answers = [browser.post("/login/sign-in", {"username": "rep", "password": "no"}) for _ in range(7)]
    assert b"Too many attempts." in answers[-1].content
    assert b"Too many attempts." in browser.post("/login/sign-in", {"username": "rep", "password": GOOD}).content


def test_admin_password_opens_nothing(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    for address in ("/login/sign-in", "/appliance/sign-in"):
        assert browser.post(address, {"username": "admin", "password": "password"}).status_code == 403


def test_a_disabled_account_is_out_at_once(sign_in: Any, make_user: Any) -> None:
    from farhand.web.accounts import services

    user = make_user("rep")
    browser = sign_in(user)
    assert browser.get("/login/my-account/profile").status_code == 200
    services.disable_user(SYSTEM, user_id=user.id, disabled=True)
    assert browser.get("/login/my-account/profile").status_code == 302
    answer = browser.post("/login/sign-in", {"username": "rep", "password": GOOD})
    assert b"The user name or the password is not right." in answer.content


def test_the_second_factor(browser: Client, make_user: Any) -> None:
    user = make_user("rep")
    browser.post("/login/sign-in", {"username": "rep", "password": GOOD})
    page = browser.get("/login/my-account/second-factor").content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    secret = found[1]
    assert browser.post("/login/my-account/second-factor", {"code": "000000"}).status_code == 400
    used = code_of(secret)
    shown = browser.post("/login/my-account/second-factor", {"code": used}).content.decode()
    recovery = re.findall(r"<li>(\d{8})</li>", shown)
    assert len(recovery) == 10
    from allauth.mfa.models import Authenticator

    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    browser.post("/login/sign-out")
    asked = browser.post("/login/sign-in", {"username": "rep", "password": GOOD})
    assert b"authenticator app" in asked.content
    assert browser.get("/login/my-account/profile").status_code == 302  # not in yet
    assert browser.post("/login/code", {"code": "123"}).status_code == 403
    assert browser.post("/login/code", {"code": recovery[3]}).status_code == 302
    assert browser.get("/login/my-account/profile").status_code == 200
    browser.post("/login/sign-out")
    browser.post("/login/sign-in", {"username": "rep", "password": GOOD})
    assert browser.post("/login/code", {"code": recovery[3]}).status_code == 403  # each holds once
    assert second_factor.unused_recovery_codes(user) == 9
    assert browser.post("/login/code", {"code": used}).status_code == 403  # used when it was set up
    later = code_of(secret, 1)
    assert browser.post("/login/code", {"code": later}).status_code == 302
    browser.post("/login/sign-out")
    browser.post("/login/sign-in", {"username": "rep", "password": GOOD})
    assert browser.post("/login/code", {"code": later}).status_code == 403


def test_users_need_a_recent_password(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    assert browser.get("/login/users-security/users/new").status_code == 200
    session = browser.session
    session["reauthenticated_ms"] = session[SIGNED_IN_MS] - 6 * 60_000
    session.save()
    away = browser.post("/login/users-security/users/new", {})
    assert away["Location"] == "/login/confirm?next=/login/users-security/users/new"
    assert browser.post(away["Location"], {"password": "wrong"}).status_code == 403
    assert browser.post(away["Location"], {"password": GOOD})["Location"] == "/login/users-security/users/new"
    assert browser.get("/login/users-security/users/new").status_code == 200


def test_an_administrator_keeps_users_and_teams(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    assert b"Create Team" in browser.get("/login/configuration/support-teams").content
    made = browser.post("/login/users-security/users/new", {
        "username": "rep", "display_name": "Rep", "password": GOOD, "password_again": GOOD,
        "perm_support_allowed": "on", "perm_view_support_reports": "team_sessions",
    })  # fmt: skip
    assert made.status_code == 302, made.content.decode()
    rep = User.objects.get(username="rep")
    assert rep.permissions == ["perm_support_allowed", "perm_view_support_reports.team_sessions"]
    address = f"/login/users-security/users/{rep.id}"
    form = browser.get(address).content.decode()
    assert re.search(r'name="perm_support_allowed"[^>]* checked', form)
    assert '<option value="team_sessions" selected>' in form
    tools = {
        "perm_session_shell": "deny",
        "perm_session_files": "upload",
        "files_read": "/srv\n\n C:\\Data \n",
        "files_write": "",
    }
    browser.post(address, {"display_name": "Rep", **tools})
    rep.refresh_from_db()
    assert rep.permissions == ["perm_session_files.upload", "perm_session_shell.deny"]
    assert rep.limits == {"files_read": ["/srv", "C:\\Data"]}
    form = browser.get(address).content.decode()
    assert re.search(r'value="deny" selected[^>]*>Deny', form)
    assert "<legend>Session Tools</legend>" in form
    for path in ("srv", "/srv/../etc", "C:", "/a\tb"):
        answer = browser.post(address, {"display_name": "Rep", "files_write": path})
        assert (answer.status_code, b"is not the full path of a folder" in answer.content) == (400, True), path
    browser.post(address, {"display_name": "Rep Two", "perm_jump_client": "on"})
    rep.refresh_from_db()
    assert (rep.display_name, rep.permissions) == ("Rep Two", ["perm_jump_client"])
    browser.post(f"{address}/disable", {"disabled": "1"})
    rep.refresh_from_db()
    assert not rep.is_active
    assert browser.post(f"{address}/password", {"password": "x", "password_again": "x"}).status_code == 400
    browser.post("/login/configuration/support-teams/new", {"name": "Desk"})
    team = Team.objects.get()
    page = browser.get(f"/login/configuration/support-teams/{team.id}")
    assert page.status_code == 200
    admin = User.objects.get(username="admin")
    browser.post(f"/login/configuration/support-teams/{team.id}/members", {f"role-{admin.id}": "lead"})
    assert [(row.user_id, row.role) for row in team.members.all()] == [(admin.id, "lead")]
    browser.post(f"/login/configuration/support-teams/{team.id}/remove")
    assert not Team.objects.exists()


def test_my_account_launches_the_console(sign_in: Any, make_user: Any) -> None:
    #
    from farhand.web.appliance.services import edit_security

    browser = sign_in(make_user("rep"))
    body = browser.get("/login/my-account/profile").content.decode()
    assert re.search(r'<a [^>]*href="/console" target="_blank"[^>]*>Launch Web Rep Console</a>', body)
    edit_security(SYSTEM, web_console=False)
    body = browser.get("/login/my-account/profile").content.decode()
    assert "Launch Web Rep Console" not in body
    assert "switched off" in body


def test_the_console_switch(browser: Client, make_user: Any) -> None:
    #
    make_user("admin", "perm_admin")
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    browser.post("/login/management/security", {})
    assert not web_console_allowed()
    browser.post("/login/management/security", {"web_console": "on"})
    assert web_console_allowed()


def test_the_menu_shows_what_is_allowed(sign_in: Any, make_user: Any) -> None:
    #
    body = sign_in(make_user("rep")).get("/login/my-account/profile").content.decode()
    assert "Users &amp; Security" not in body
    assert "Management" not in re.sub(r"<section.*</section>", "", body, flags=re.DOTALL)
    admin = sign_in(make_user("admin", "perm_admin"))
    body = admin.get("/login/my-account/profile").content.decode()
    order = [
        body.index(f">{name}</p>\n<ul") for name in ("Status", "My Account", "Configuration", "Users &amp; Security")
    ]
    assert order == sorted(order)


def test_pages_refuse_who_may_not(sign_in: Any, make_user: Any) -> None:
    browser = sign_in(make_user("rep"))
    for address in ("/login/users-security/users", "/login/users-security/users/new", "/login/management/security",
                    "/login/management/software", "/login/configuration/support-teams"):  # fmt: skip
        for answer in (browser.get(address), browser.post(address, {"web_console": "on"})):
            assert answer.status_code == 403, address


def test_every_page_answers_in_every_language(browser: Client, make_user: Any, admin: Actor) -> None:
    from farhand.web.login.menu import PAGES

    browser.force_login(admin.user, backend="django.contrib.auth.backends.ModelBackend")
    for language in ("en", "de", "fr", "nl"):
        for page in PAGES:
            answer = browser.get(page.path, headers={"accept-language": language})
            assert answer.status_code == 200, page.path
            assert f'<html lang="{language}">' in answer.content.decode()
            assert_labelled(answer.content.decode())
    chosen = browser.post("/language", {"language": "de", "next": "/login/my-account/profile"})
    assert chosen.cookies["__Host-farhand-language"].value == "de"
    assert 'lang="de"' in browser.get("/login/my-account/profile").content.decode()


def assert_labelled(body: str) -> None:
    """Every control has a label, no page has inline script or style."""
    labels = set(re.findall(r'<label for="([^"]+)"', body))
    for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", body):
        if 'type="hidden"' not in control:
            found = re.search(r' id="([^"]+)"', control)
            assert found, control
            assert found[1] in labels, control
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", body)


def test_forms_are_labelled(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    assert_labelled(browser.get("/login/sign-in").content.decode())
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    for address in ("/login/users-security/users/new", "/login/my-account/password", "/login/my-account/second-factor",
                    "/login/configuration/support-teams/new", "/login/confirm"):  # fmt: skip
        assert_labelled(browser.get(address).content.decode())


def test_the_appliance_has_accounts_of_its_own(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    box = ApplianceUser(username="box")
    box.set_password("staple under the roof")
    box.save()
    assert browser.get("/appliance")["Location"] == "/appliance/sign-in"
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    assert browser.get("/appliance/status/basics")["Location"] == "/appliance/sign-in"
    assert browser.post("/appliance/sign-in", {"username": "admin", "password": GOOD}).status_code == 403
    entered = browser.post("/appliance/sign-in", {"username": "box", "password": "staple under the roof"})
    assert entered["Location"] == "/appliance/status/basics"
    assert "__Host-farhand" not in entered.cookies
    assert browser.get("/appliance/status/basics").status_code == 200
    assert browser.get("/login/my-account/profile").status_code == 200  # both at once, each by its own cookie
    browser.cookies["__Host-farhand"] = browser.cookies["__Host-farhand-appliance"].value
    assert (
        browser.get("/login/my-account/profile").status_code == 302
    )  # one face's cookie is worth nothing at the other
    browser.post("/appliance/sign-out")
    assert browser.get("/appliance/status/basics").status_code == 302


def test_sessions_end_after_twelve_hours(sign_in: Any, make_user: Any) -> None:
    browser = sign_in(make_user("rep"))
    session = browser.session
    session[SIGNED_IN_MS] = 1_000
    session.save()
    assert browser.get("/login/my-account/profile").status_code == 302


def test_forms_without_proof_of_origin_are_refused(make_user: Any) -> None:
    make_user("rep")
    strict = Client(enforce_csrf_checks=True, secure=True, headers={"host": "localhost:8443"})
    answer = strict.post("/login/sign-in", {"username": "rep", "password": GOOD})
    assert answer.status_code == 403
    assert b"reload it and try again" in answer.content


def test_session_keys_are_hashed_at_rest(sign_in: Any, make_user: Any) -> None:
    from django.contrib.sessions.models import Session

    browser = sign_in(make_user("rep"))
    value = browser.cookies["__Host-farhand"].value
    assert len(value) == 64
    assert value[:40] not in set(Session.objects.values_list("session_key", flat=True))


#
def test_the_administrator_chooses_the_special_actions(
    browser: Client, claimed: None, sign_in: Any, admin: Actor
) -> None:
    page: Client = sign_in(admin.user)
    address = "/login/console-settings/special-actions"
    shown = page.get(address).content.decode()
    for name, label in ACTIONS.items():
        assert re.search(rf'name="{name}"[^>]* checked', shown)
        assert label in shown
    page.post(address, {name: "on" for name in ACTIONS if name != "terminal"})
    shown = page.get(address).content.decode()
    assert not re.search(r'name="terminal"[^>]* checked', shown)
    assert actions_off() == ["terminal"]
    assert browser.get(address).status_code == 302


def test_an_old_page_gives_nobody_a_permission(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    ann = make_user("ann", "perm_support_allowed")
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    # So the page sent it while a group policy defined this permission; now none does.
    answer = browser.post(f"/login/users-security/users/{ann.id}", {"display_name": "Ann", "perm_admin": "deny"})
    assert (answer.status_code, b"This page is out of date." in answer.content) == (400, True)
    ann.refresh_from_db()
    assert not ann.may("perm_admin")
    done = browser.post(f"/login/users-security/users/{ann.id}", {"display_name": "Ann", "perm_jump_client": "on"})
    ann.refresh_from_db()
    assert (done.status_code, ann.permissions) == (302, ["perm_jump_client"])
