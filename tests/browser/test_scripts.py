"""Canned scripts: an administrator writes one for a team, a representative of that team runs it in a session."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.claimed import sign_in as visit
from tests.harness.client import JumpClient, alive, build_client, new_jump_client
from tests.harness.console import Console
from tests.harness.people import add_team, add_user, first_group, id_of, set_jump_group
from tests.harness.xdisplay import virtual_display

NAME, TEAM = "Database server", "Databases"
PASSWORD = "correct horse battery"
REP = {"username": "helen", "password": PASSWORD}
CONTEXT = "System" if os.geteuid() == 0 else "Logged-in user"
"""Nobody is signed in at the machine that runs the tests as root."""
TEXT = """#!/bin/sh
echo "Looking at $PARAM_FOLDER <b>now</b>"
ls -d "$PARAM_FOLDER"
exit 3
"""
SLOW = "echo $$ >> {pids}; echo begun; while :; do sleep 1; done\n"


@pytest.fixture(scope="module")
def client(appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JumpClient]:
    """A Jump Client, and a representative in a team who may jump to it and use canned scripts."""
    build_client()
    admin = Console(visit(appliance, ADMIN["username"], ADMIN["password"]))
    permissions = ("perm_support_allowed", "perm_access_allowed", "perm_jump_client", "perm_session_scripts.allow")
    add_user(appliance, REP["username"], PASSWORD, *permissions)
    rep = Console(visit(appliance, REP["username"], PASSWORD))
    add_team(admin.visitor, TEAM, {id_of(rep): "member"})
    with virtual_display() as display:
        running = new_jump_client(appliance, admin.visitor, tmp_path_factory.mktemp("machines"), NAME, display)
        roles = {id_of(admin): "administrator", id_of(rep): "start_sessions"}
        set_jump_group(admin.visitor, first_group(admin), roles)
        yield running
        running.stop()


def write(page: Page, words: Words, name: str, text: str, parameters: str = "") -> None:
    """Console Settings > Canned Scripts > Add Canned Script, for the team."""
    page.get_by_role("navigation", name=words.page("Sections")).get_by_role(
        "link", name=words.page("Canned Scripts"), exact=True
    ).click()
    page.get_by_role("link", name=words.page("Add Canned Script"), exact=True).click()
    main = page.get_by_role("main")
    main.get_by_label(words.page("Script name"), exact=True).fill(name)
    main.get_by_label(re.compile(f"^{re.escape(words.page('Description'))}")).fill("What lies in a folder")
    main.get_by_role("checkbox", name=TEAM, exact=True).check()
    main.get_by_role("checkbox", name=words.page("Logged-in user"), exact=True).uncheck()
    main.get_by_role("checkbox", name=words.page(CONTEXT), exact=True).check()
    main.get_by_label(re.compile(f"^{re.escape(words.page('Parameters'))}")).fill(parameters)
    main.get_by_label(words.page("Script"), exact=True).fill(text)
    assert axe_findings(page) == []
    shot(page, f"canned-script-{words.language}")
    main.get_by_role("button", name=words.page("Save"), exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(words.page("The canned script has been added."))
    expect(main.get_by_role("row").filter(has_text=name)).to_contain_text(TEAM)
    shot(page, f"canned-scripts-{words.language}")


def open_script(session: Locator, words: Words, name: str) -> Locator:
    """Open Special Actions > Canned Scripts > the script; gives its dialog."""
    steps.button(session, words, "Special Actions").click()
    menu = session.get_by_role("menu", name=words.console("Special Actions"), exact=True)
    group = menu.get_by_role("menuitem", name=words.console("Canned Scripts"), exact=True)
    expect(group).to_have_attribute("aria-expanded", "false")
    expect(menu.get_by_role("menuitem", name=name, exact=True)).to_be_hidden()
    group.click()
    expect(group).to_have_attribute("aria-expanded", "true")
    shot(session.page, f"canned-scripts-menu-{words.language}")
    menu.get_by_role("menuitem", name=name, exact=True).click()
    dialog = session.page.get_by_role("dialog", name=name, exact=True)
    dialog.wait_for()
    return dialog


#
@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.long)])
def test_a_script_is_written_for_a_team_and_run_in_a_session(
    language: str, appliance: Appliance, enter: Enter, client: JumpClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = Words(language)
    name, slow = f"Look into a folder ({language})", f"Slow ({language})"
    pids = tmp_path_factory.mktemp("slow") / "pids"
    desk = enter(appliance, words)
    page = sign_in(desk, words)
    write(page, words, slow, SLOW.format(pids=pids))
    write(page, words, name, TEXT, "FOLDER: Folder = /etc\nNOTE?: Remark")

    context = enter(appliance, words)
    console = sign_in(context, words, "/console", REP)
    session = steps.jump(console, words, NAME)
    dialog = open_script(session, words, name)
    expect(dialog).to_contain_text("What lies in a folder")
    folder = dialog.get_by_role("textbox", name="Folder", exact=True)
    expect(folder).to_have_value("/etc")
    folder.fill("/usr/bin; echo no")
    assert axe_findings(console) == []
    shot(console, f"canned-script-form-{language}")
    steps.button(dialog, words, "Run Script").click()
    ended = words.console("The script ended with exit status {status}.", status=3)
    expect(dialog.get_by_role("status")).to_have_text(ended)
    output = dialog.get_by_role("log", name=words.console("Output"), exact=True)
    expect(output).to_contain_text("Looking at /usr/bin; echo no <b>now</b>\n")
    assert axe_findings(console) == []
    shot(console, f"canned-script-output-{language}")
    steps.button(dialog, words, "Close").click()
    log = steps.messages(session, words)
    expect(log).to_contain_text(
        words.console("The script {script} ended with exit status {status}.", script=name, status=3)
    )
    log.get_by_text(words.console("Output"), exact=True).click()
    expect(log.get_by_text("Looking at /usr/bin; echo no <b>now</b>")).to_be_visible()
    shot(console, f"canned-script-log-{language}")
    cancel(session, words, slow, pids)
    steps.end_session(console, session, words)
    assert problems_of(context) == []
    assert problems_of(desk) == []


def cancel(session: Locator, words: Words, name: str, pids: Path) -> None:
    """Begin a script that does not end by itself, and cancel it."""
    dialog = open_script(session, words, name)
    steps.button(dialog, words, "Run Script").click()
    expect(dialog.get_by_role("status")).to_have_text(words.console("The script runs …"))
    expect(dialog.get_by_role("log", name=words.console("Output"), exact=True)).to_contain_text("begun")
    shot(session.page, f"canned-script-runs-{words.language}")
    steps.button(dialog, words, "Cancel Script").click()
    expect(dialog.get_by_role("status")).to_have_text(words.console("The script was cancelled."))
    (pid,) = (int(word) for word in pids.read_text().split())
    wait_for(lambda: not alive(pid), 60, "the end of the script")
    steps.button(dialog, words, "Close").click()
