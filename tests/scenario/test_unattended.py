"""A machine with nobody there: enrolled by the printed command, reached by Jump, and never orphaned."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, Machine, enrolment_command, item_named, new_jump_client
from tests.harness.console import Console, LiveSession, control

from farhand.cli.display import VirtualDisplay
from farhand.kit.ids import new_id
from farhand.protocol.abilities import REASONS
from farhand.protocol.channels import Control, Durable, Kind, Shell, channel

NAME = "unattended"


#
def test_the_printed_command_enrols_and_starts_a_client_once(
    appliance: Appliance, console: Console, machines: Path
) -> None:
    _snapshot, events = console.events()
    command = enrolment_command(console.visitor, name="by command")
    assert "\n" not in command
    machine = Machine(machines / "by-command")
    own = JumpClient(machine)
    # Where systemd runs, starting would write a unit into the machine itself; the client is run by the test there.
    managed = Path("/run/systemd/system").is_dir()
    try:
        done = own.install(command, start=not managed)
        assert "by command" in done.stdout
        assert "General" in done.stdout
        if managed:
            own.start()
        item_named(console, "by command")
        # The lists of open consoles were told, without a question.
        statuses = [
            item["value"]["status"]
            for item in events_of(events, "jump_items")
            if item["value"] and item["value"]["name"] == "by command"
        ]
        assert statuses[0] == "offline"
        assert statuses[-1] == "active"
        kept = {place.name for place in own.state.iterdir()}
        assert {"key", "identity.json"} <= kept
        assert all(place.stat().st_mode & 0o077 == 0 for place in own.state.iterdir())
        # The token is used up.
        again = machine.run(["bash", "-c", f"{command} --state {machine.folder / 'other'} --no-start"])
        assert again.returncode == 1
        assert "used" in again.stderr
        assert len(again.stderr.strip().splitlines()) == 1, again.stderr
        assert not (machine.folder / "other" / "identity.json").exists()
    finally:
        own.stop()
        removed = machine.run([machine.python, str(machine.client), "uninstall", "--state", str(own.state)])
    assert removed.returncode == 0, removed.stderr
    assert not own.state.exists()
    item_named(console, "by command", "offline")


def events_of(socket: object, collection: str) -> list[dict[str, object]]:
    """Events of one collection that came on an event socket, in order."""
    found = [control(Control.EVENT)(frame) for frame in socket.frames]  # type: ignore[attr-defined]
    return [event for event in found if event and event["collection"] == collection]


def test_the_command_runs_nothing_that_it_has_not_verified(console: Console, machines: Path) -> None:
    machine = Machine(machines / "tampered")
    command = enrolment_command(console.visitor)
    wrong_hash = re.sub(r"echo '[0-9a-f]{64}", "echo '" + "0" * 64, command)
    wrong_pin = re.sub(r"sha256//[^']+", "sha256//" + "A" * 43 + "=", command)
    for bad in (wrong_hash, wrong_pin):
        assert bad != command
        done = machine.run(["bash", "-c", f"{bad} --state {machine.folder / 'state'} --no-start"])
        assert done.returncode != 0
        assert not (machine.folder / "state").exists()


def test_a_wrong_site_key_is_refused_with_an_exact_message(console: Console, machines: Path) -> None:
    machine = Machine(machines / "wrong-site")
    command = enrolment_command(console.visitor)
    other = re.sub(r"--site-key [0-9a-f]{64}", "--site-key " + "ab" * 32, command)
    done = machine.run(["bash", "-c", f"{other} --state {machine.folder / 'state'} --no-start"])
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "This server is not the site that this client belongs to: its proof does not hold for the pinned site key. "
        "Nothing was sent to it."
    )
    assert not (machine.folder / "state").exists()
    right = machine.run(["bash", "-c", f"{command} --state {machine.folder / 'state'} --no-start"])
    assert right.returncode == 0, "the token was not spent: " + right.stderr


#
def test_the_item_says_what_the_machine_told(client: JumpClient, console: Console) -> None:
    item = item_named(console, NAME)
    assert item["method"] == "jump_client"
    assert item["group_name"] == "General"
    assert item["platform"] == "linux"
    assert item["hostname"]
    assert item["version"]
    page = console.visitor.get("/login/jump/clients").text
    assert NAME in page


#
def test_the_item_says_what_its_desktop_lets_be_done_as_it_comes_and_goes(
    appliance: Appliance, console: Console, machines: Path
) -> None:
    desktop = VirtualDisplay("320x240x24")
    running = new_jump_client(appliance, console.visitor, machines, "desktop", desktop.start())
    try:
        _snapshot, events = console.events()
        item = item_named(console, "desktop")
        assert item["desktop"]["kind"] == "x11"
        assert item["desktop"]["control"]["can"]
        assert item["desktop"]["login_screen"]["code"] == "own-desktop-only"
        page = console.visitor.get(f"/login/jump/clients/{item['id']}").text
        assert REASONS["own-desktop-only"] in page
        desktop.stop()

        def told_to_open_consoles() -> bool:
            values = [one["value"] for one in events_of(events, "jump_items")]
            return any(value and value["id"] == item["id"] and value["desktop"] is None for value in values)

        wait_for(told_to_open_consoles, 120, "the word that the desktop is gone")
        assert REASONS["no-desktop"] in console.visitor.get(f"/login/jump/clients/{item['id']}").text
    finally:
        running.stop()
        desktop.stop()


#
def test_a_jump_opens_a_shell_with_a_real_terminal(client: JumpClient, console: Console) -> None:
    before = item_named(console, NAME)
    live = console.jump(before["id"])
    assert live.session["state"] == "active"
    assert live.session["owner_name"] == "Administrator"
    assert item_named(console, NAME, "in_use")["last_accessed_ms"] >= live.session["created_ms"]
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; test -t 0 && test -t 1 && echo terminal-$((40+2)); tty\r")
    live.wait_output(shell, "terminal-42")
    live.wait_output(shell, "/dev/pts/")
    live.type(shell, "echo Grüße-日本語-$((1+1)); stty size\r")
    live.wait_output(shell, "Grüße-日本語-2")
    live.wait_output(shell, "24 80")
    live.socket.send(Shell.RESIZE, shell, json.dumps({"cols": 132, "rows": 50}).encode(), live.leg)
    live.socket.wait(lambda f: f.type == Shell.RESIZED and f.channel == shell, what="RESIZED")
    live.type(shell, "stty size\r")
    live.wait_output(shell, "50 132")
    live.type(shell, "printf '\\033[31mred\\033[0m'; sleep 100\r")
    live.wait_output(shell, "\x1b[31mred")
    live.type(shell, "\x03")
    live.type(shell, "echo after-$((6*7))\r")
    live.wait_output(shell, "after-42")
    live.end()
    item_named(console, NAME)


#
def test_several_shells_and_the_lines_about_them(session: LiveSession) -> None:
    first, second = session.open_shell(), session.open_shell()
    assert first != second
    session.type(first, "unset HISTFILE; X=one; echo in-$X-$((1+0))\r")
    session.type(second, "unset HISTFILE; echo in-${X:-nothing}-$((1+1))\r")
    session.wait_output(first, "in-one-1")
    session.wait_output(second, "in-nothing-2")
    assert b"in-nothing" not in session.output(first)
    session.type(second, "exit 3\r")
    closed = session.socket.wait(
        lambda f: json.loads(f.payload) if f.type == Shell.CLOSED and f.channel == second else None, what="CLOSED"
    )
    assert closed["status"] == 3
    session.socket.send(Shell.CLOSE, first, b"", session.leg)
    session.socket.wait(lambda f: f.type == Shell.CLOSED and f.channel == first, what="CLOSED")
    wait_for(lambda: [e for e in session.entries() if e["kind"] == "shell-closed"][1:], what="two lines")
    lines = [(e["kind"], e["data"].get("open")) for e in session.entries() if e["kind"].startswith("shell-")]
    told = [line for line in lines if line[0] != "shell-requested"]
    assert told == [("shell-opened", 1), ("shell-opened", 2), ("shell-closed", 1), ("shell-closed", 0)]
    assert all(
        e["time_ms"] > 0 and e["data"]["by"] == "Administrator"
        for e in session.entries()
        if e["kind"] == "shell-opened"
    )
    later = session.open_shell()
    assert later not in (first, second), "a number is never used twice"


#
def test_chat_is_acknowledged_and_given_to_every_console(session: LiveSession, console: Console) -> None:
    other = Console(console.visitor)
    ticket = other.post(f"sessions/{session.id}/ticket", {"tab": other.tab})
    second = LiveSession(other, ticket)
    assert second.leg != session.leg
    texts = ["Hello", "Grüße, 日本語, 🙂", "<script>alert(1)</script>", "x" * 4096]
    said = [session.say(text) for text in texts]
    assert [entry["seq"] for entry in said] == sorted({entry["seq"] for entry in said})
    for text in texts:
        got = second.entry(lambda e, text=text: e["kind"] == "chat" and e["text"] == text)  # type: ignore[misc]
        assert got["name"] == "Administrator"
    # The same post again is the same entry.
    ident = new_id()
    one = session.say("only once", ident)
    body = json.dumps({"id": ident, "kind": "chat", "text": "only once"}).encode()
    session.socket.send(Durable.POST, channel(Kind.CHAT), body, session.leg)
    marker = session.say("behind it")
    assert marker["seq"] == one["seq"] + 1
    second.entry(lambda e: e["seq"] == marker["seq"])
    assert sum(e["id"] == ident for e in second.entries()) == 1
    second.socket.close()


#
def test_the_report_has_who_when_what_chat_and_shells(client: JumpClient, console: Console) -> None:
    live = console.jump(item_named(console, NAME)["id"])
    live.say("said in the session")
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; echo Grüße-$((6*7))\r")
    live.wait_output(shell, "Grüße-42")
    time.sleep(1.2)  # a chunk of the recording holds at most about a second
    live.end()
    item_named(console, NAME)  # the Jump Client stays
    assert client.process is not None
    assert client.process.poll() is None
    admin = console.visitor
    page = wait_for(
        lambda: (
            (text := admin.get(f"/login/reports/support/{live.id}").text) and "session ended" in text.lower() and text
        ),
        what="the report's last line",
    )
    for expected in (
        "Administrator", "Jump Client", NAME, "said in the session", "opened Command Shell 1", "1 shell is open",
        "Command Shell 1", "Download transcript",
    ):  # fmt: skip
        assert expected in page, expected
    assert live.id in admin.get("/login/reports/support").text
    number = shell & 0xFF
    cast = admin.get(f"/reports/{live.id}/shell/{number}.cast")
    assert cast.status == 200
    head, *lines = [json.loads(line) for line in cast.body.splitlines()]
    assert head["version"] == 2
    assert (head["width"], head["height"]) == (80, 24)
    assert "Grüße-42" in "".join(text for _at, kind, text in lines if kind == "o")
    transcript = admin.get(f"/reports/{live.id}/shell/{number}.txt")
    assert transcript.status == 200
    assert "attachment" in transcript.headers["content-disposition"]
    assert "Grüße-42" in transcript.text


#
def test_who_may_not_sees_and_gets_nothing(appliance: Appliance, client: JumpClient, console: Console) -> None:
    from tests.harness.claimed import sign_in

    password = "rather long words in a row"
    made = appliance.command("user", "create", "outsider", "--password-stdin", stdin=password + "\n")
    assert made.returncode == 0, made.stderr
    item = item_named(console, NAME)
    outsider = Console(sign_in(appliance, "outsider", password))
    assert outsider.items("jump_items") == []
    jump = outsider.visitor.api("POST", f"/api/console/jump-items/{item['id']}/jump", {"tab": outsider.tab})
    assert jump.status in (403, 404)
    key = outsider.visitor.api("POST", "/api/console/session-keys", {"lifetime_s": 600})
    assert key.status == 403
    live = console.jump(item["id"])
    for what in ("accept", "ticket"):
        answer = outsider.visitor.api("POST", f"/api/console/sessions/{live.id}/{what}", {"tab": outsider.tab})
        assert answer.status in (403, 404), what
    assert outsider.visitor.api("POST", f"/api/console/sessions/{live.id}/end", {}).status in (403, 404)
    assert outsider.visitor.get(f"/login/reports/support/{live.id}").status in (403, 404)
    assert outsider.visitor.get("/login/jump/clients").status == 403
    live.say("still here")
    live.end()
    item_named(console, NAME)


def test_the_client_is_back_after_a_restart_of_the_appliance(
    appliance: Appliance, client: JumpClient, console: Console, record_property: Callable[[str, object], None]
) -> None:
    item_named(console, NAME)
    links = len(client.said("linked"))
    assert appliance.stop() == 0
    appliance.start()
    record_property("back_after_restart_s", round(client.wait_linked(links + 1, within=60), 2))
    item_named(console, NAME)
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    live.end()


def test_a_new_certificate_of_the_same_site_orphans_nobody(
    appliance: Appliance, client: JumpClient, console: Console
) -> None:
    item_named(console, NAME)
    links = len(client.said("linked"))
    old = (appliance.data / "tls" / "cert.pem").read_bytes()
    appliance.stop()
    for name in ("cert.pem", "key.pem"):
        (appliance.data / "tls" / name).unlink()
    appliance.start()
    assert (appliance.data / "tls" / "cert.pem").read_bytes() != old
    client.wait_linked(links + 1)
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    live.end()
    assert not client.said("wrong_site")


def test_a_removed_client_is_refused(appliance: Appliance, console: Console, machines: Path) -> None:
    gone = new_jump_client(appliance, console.visitor, machines, "to-be-removed")
    try:
        item = item_named(console, "to-be-removed")
        live = console.jump(item["id"])
        live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        done = console.visitor.submit(f"/login/jump/clients/{item['id']}/remove", {})
        assert done.status == 200
        assert "has been removed" in done.text
        live.socket.wait(control(Control.END), what="END")
        wait_for(lambda: gone.said("link_lost") or gone.said("link_failed"), what="the refusal at the client")
        wait_for(
            lambda: any("removed from the appliance" in json.dumps(line) for line in gone.said("link_failed")),
            30,
            "the sentence of the refusal",
        )
        assert all(i["name"] != "to-be-removed" for i in console.items("jump_items"))
        answer = console.visitor.api("POST", f"/api/console/jump-items/{item['id']}/jump", {"tab": console.tab})
        assert answer.status in (404, 409)
    finally:
        gone.stop()
