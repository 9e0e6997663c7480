"""Canned scripts on real endpoints: what the site ordered runs once, on record; what a console makes up does not."""

import hashlib
import html
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.claimed import sign_in
from tests.harness.client import (
    Customer,
    JumpClient,
    Machine,
    alive,
    download_client,
    item_named,
    use_key,
)
from tests.harness.console import Console, LiveSession
from tests.harness.people import add_team, add_user, first_group, id_of, set_jump_group

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.channels import Kind, Scripts, channel
from farhand.protocol.scripts import MAX_OUTPUT, ORDER_KIND, STATEMENT_KIND, IssuerStatement, ScriptOrder

SCRIPTS = channel(Kind.SCRIPTS)
NAME = "with scripts"
CONTEXT = "system" if os.geteuid() == 0 else "user"
PAGE = "/login/console-settings/canned-scripts"
PASSWORD = "correct horse battery"
GREET = 'echo "Hello, $PARAM_WHO"; echo done >&2; exit 3\n'


def add(console: Console, name: str, text: str, **more: Any) -> None:
    """Write a canned script in /login, for everybody unless `teams` are given."""
    fields = {
        "name": name,
        "description": "",
        "platforms": "linux",
        "contexts": CONTEXT,
        "time_limit_s": "60",
        "parameters": "",
        "text": text,
        **({} if "teams" in more else {"everybody": "on"}),
    }
    answer = console.visitor.submit(f"{PAGE}/new", fields | more, follow=False)
    assert answer.status == 302, answer.text


def names(console: Console, session: str) -> list[str]:
    """The canned scripts that a console may have run in a session."""
    answer = console.visitor.api("GET", f"/api/console/sessions/{session}/scripts")
    return [one["name"] for one in answer.json()["scripts"]]


def order(console: Console, session: LiveSession, name: str, **values: str) -> dict[str, str]:
    """Have the site order a run; gives the content of RUN and the run's id."""
    answer = console.visitor.api("GET", f"/api/console/sessions/{session.id}/scripts")
    script = next(one for one in answer.json()["scripts"] if one["name"] == name)
    wish = {"tab": console.tab, "script_id": script["id"], "context": CONTEXT, "parameters": values}
    ordered: dict[str, str] = console.post(f"sessions/{session.id}/scripts", wish)
    return ordered


def send(session: LiveSession, ordered: dict[str, str], leg: int | None = None) -> int:
    """Hand it to the endpoint; gives the number of the first frame after it."""
    since = len(session.socket.frames)
    content = {key: ordered[key] for key in ("order", "issuer", "text")}
    session.socket.send(Scripts.RUN, SCRIPTS, json.dumps(content).encode(), leg or session.leg)
    return since


def answer(session: LiveSession, frame_type: int, since: int) -> dict[str, Any]:
    """The next frame of a type."""
    found: dict[str, Any] = session.socket.wait(
        lambda f: f.channel == SCRIPTS and f.type == frame_type and json.loads(f.payload), since=since, within=60
    )
    return found


#
def test_a_script_runs_with_its_values_and_its_output_is_on_record(session: LiveSession, console: Console) -> None:
    add(console, "Greet", GREET, parameters="WHO: Whom")
    since = send(session, order(console, session, "Greet", WHO="$(id); world"))
    done = answer(session, Scripts.DONE, since)
    assert (done["ran"], done["status"], done["reason"]) == (True, 3, "ended")
    output = "".join(
        json.loads(f.payload)["text"]
        for f in session.socket.frames[since:]
        if (f.channel, f.type) == (SCRIPTS, Scripts.OUTPUT)
    )
    assert output == "Hello, $(id); world\ndone\n"
    started = session.entry(lambda e: e["kind"] == "script-started")
    assert started["data"]["sha256"] == hashlib.sha256(GREET.encode()).hexdigest()
    ended = session.entry(lambda e: e["kind"] == "script-ended")
    assert ended["text"] == output
    assert (ended["data"]["status"], ended["data"]["name"]) == (3, "Greet")
    report = f"/login/reports/support/{session.id}"
    wait_for(lambda: "ended with exit status 3" in console.visitor.get(report).text, 60, "the report")
    page = console.visitor.get(report).text
    assert "ran the canned script Greet" in page
    assert 'WHO="$(id); world"' in html.unescape(page)
    assert "Hello, $(id); world\ndone" in page


def test_what_the_site_did_not_order_is_refused(
    session: LiveSession, console: Console, appliance: Appliance, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    add(console, "Harmless", "true\n")
    good = order(console, session, "Harmless")
    key = signing.new_key()
    now = int(time.time() * 1000)
    text = f"touch {mark}\n"
    forged = ScriptOrder(
        jti=new_id(), session_id=session.id, leg=session.leg, script_id=new_id(), name="Evil", context=CONTEXT,
        time_limit_s=60, sha256=hashlib.sha256(text.encode()).hexdigest(), issued_ms=now, expires_ms=now + 60_000,
    )  # fmt: skip
    statement = IssuerStatement(key=signing.public_of(key).hex(), issued_ms=now, expires_ms=now + 60_000)
    tries = {
        "changed text": good | {"text": text},
        "forged order": {"order": signing.sign_token(key, ORDER_KIND, forged), "issuer": good["issuer"], "text": text},
        "forged issuer": {
            "order": signing.sign_token(key, ORDER_KIND, forged),
            "issuer": signing.sign_token(key, STATEMENT_KIND, statement),
            "text": text,
        },
    }
    for what, content in tries.items():
        done = answer(session, Scripts.DONE, send(session, content))
        assert (done["reason"], done["ran"]) == ("refused", False), what
    # The order itself still holds: once.
    assert answer(session, Scripts.DONE, send(session, good))["ran"]
    again = answer(session, Scripts.DONE, send(session, good))
    assert (again["reason"], again["ran"]) == ("refused", False)
    second = Console(console.visitor)
    other = LiveSession(second, second.post(f"sessions/{session.id}/ticket", {"tab": second.tab}))
    stolen = order(console, session, "Harmless")
    assert answer(other, Scripts.DONE, send(other, stolen))["reason"] == "refused"
    assert not mark.exists()

    def refused() -> set[tuple[int, str, str]]:
        entries = [one for one in session.entries() if one["kind"] == "script-refused"]
        return {(one["data"]["leg"], one["data"].get("run", ""), one["text"]) for one in entries}

    # Changed text, an order that nobody can read (two came), one that was used, one that was stolen.
    wait_for(lambda: len(refused()) == 4, 60, "each refusal on record")


def test_a_time_limit_and_a_cancel_end_everything_that_runs(
    session: LiveSession, console: Console, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    text = f"sleep 600 & echo $! >> {pids}; trap '' TERM; sleep 600 & echo $! >> {pids}; echo on; wait\n"
    add(console, "Slow", text, time_limit_s="1")
    done = answer(session, Scripts.DONE, send(session, order(console, session, "Slow")))
    assert done["reason"] == "time-limit"
    add(console, "Cancelled", text, time_limit_s="600")
    ordered = order(console, session, "Cancelled")
    since = send(session, ordered)
    answer(session, Scripts.OUTPUT, since)
    session.socket.send(Scripts.CANCEL, SCRIPTS, json.dumps({"run": ordered["run"]}).encode(), session.leg)
    assert answer(session, Scripts.DONE, since)["reason"] == "cancelled"
    found = pids_in(pids, 4)
    wait_for(lambda: not any(alive(pid) for pid in found), 60, "the end of all of it")


def pids_in(file: Path, count: int) -> list[int]:
    """Wait until scripts have written so many process numbers."""
    wait_for(lambda: file.exists() and len(file.read_text().split()) == count, 60, "the processes")
    return [int(pid) for pid in file.read_text().split()]


def test_the_sessions_end_ends_everything_that_runs(client: JumpClient, console: Console, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    add(console, "Endless", f"trap '' TERM HUP; sleep 600 & echo $$ $! >> {pids}; while :; do sleep 1; done\n")
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    send(live, order(console, live, "Endless"))
    found = pids_in(pids, 2)
    live.end()
    wait_for(lambda: not any(alive(pid) for pid in found), 60, "the end of all of it")
    wait_for(lambda: not list(client.machine.temporary.glob("farhand-script-*")), 60, "the end of its folder")
    item_named(console, NAME)


def test_a_hundred_megabytes_of_output_hold_nobody_up(session: LiveSession, console: Console) -> None:
    add(console, "Loud", "head -c 100000000 /dev/zero | tr '\\0' x; echo the end\n")
    since = send(session, order(console, session, "Loud"))
    session.say("still here")
    done = answer(session, Scripts.DONE, since)
    assert (done["output_bytes"], done["status"]) == (100_000_008, 0)
    assert done["tail"].endswith("xthe end\n")
    frames = [f for f in session.socket.frames[since:] if (f.channel, f.type) == (SCRIPTS, Scripts.OUTPUT)]
    assert sum(len(json.loads(f.payload)["text"]) for f in frames) < MAX_OUTPUT + 65_536
    ended = session.entry(lambda e: e["kind"] == "script-ended")
    assert (ended["data"]["bytes"], len(ended["text"])) == (100_000_008, 4096)


@pytest.fixture(scope="module")
def colleague(appliance: Appliance, console: Console, client: JumpClient) -> Console:
    """A representative who may use canned scripts and jump, in a team of their own."""
    add_user(
        appliance, "rep", PASSWORD, "perm_support_allowed", "perm_access_allowed", "perm_jump_client",
        "perm_session_scripts.allow",
    )  # fmt: skip
    rep = Console(sign_in(appliance, "rep", PASSWORD))
    set_jump_group(
        console.visitor, first_group(console), {id_of(console): "administrator", id_of(rep): "start_sessions"}
    )
    return rep


#
def test_a_script_of_another_team_is_not_there(client: JumpClient, console: Console, colleague: Console) -> None:
    mine = add_team(console.visitor, "Databases", {id_of(colleague): "member"})
    others = add_team(console.visitor, "Web", {id_of(console): "lead"})
    add(console, "Vacuum", "echo vacuum\n", teams=[mine])
    add(console, "Purge", "echo purge\n", teams=[others])
    live = colleague.jump(item_named(colleague, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    offered = names(colleague, live.id)
    assert "Vacuum" in offered
    assert "Purge" not in offered
    since = send(live, order(colleague, live, "Vacuum"))
    assert answer(live, Scripts.DONE, since)["tail"] == "vacuum\n"
    listed = console.visitor.get(PAGE).text
    (purge,) = re.findall(rf'{PAGE}/([0-9a-f-]{{36}})"[^>]*>\s*Purge', listed)
    wish = {"tab": colleague.tab, "script_id": purge, "context": CONTEXT, "parameters": {}}
    refused = colleague.visitor.api("POST", f"/api/console/sessions/{live.id}/scripts", wish)
    assert refused.status == 403
    assert "for other teams" in refused.json()["error"]["text"]
    # An administrator who is not in the session gets no order for it either.
    assert names(console, live.id) == []
    assert console.visitor.api("POST", f"/api/console/sessions/{live.id}/scripts", wish | {"tab": "x"}).status == 403
    live.end()
    item_named(console, NAME)


def test_a_customer_is_asked_once_and_sees_what_is_run(
    appliance: Appliance, console: Console, machines: Path, tmp_path: Path
) -> None:
    add(console, "Look", "echo looked at $PARAM_WHAT\n", parameters="WHAT: What = it")
    visitor = appliance.visitor()
    assert use_key(visitor, console.post("session-keys", {"lifetime_s": 600})["shown"]).status == 200
    customer = Customer(Machine(machines / "customer"), download_client(visitor, tmp_path))
    try:
        customer.wait_shown("Type `accept` or `decline`:")
        customer.type("accept")
        waiting = wait_for(
            lambda: next((s for s in console.items("sessions") if s["kind"] == "support"), None), what="the session"
        )
        live = console.accept(waiting["id"])
        live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        refused = send(live, order(console, live, "Look"))
        shown = len(customer.lines)
        customer.wait_shown("asks to run scripts on this computer that the support desk has prepared")
        customer.type("deny")
        done = answer(live, Scripts.DONE, refused)
        assert (done["ran"], done["reason"]) == (False, "refused")
        assert live.entry(lambda e: e["kind"] == "script-refused")["data"]["name"] == "Look"
        allowed = send(live, order(console, live, "Look", WHAT="the log"))
        customer.wait_shown("asks to run scripts on this computer", since=len(customer.lines) - 1, within=60)
        customer.type("allow")
        done = answer(live, Scripts.DONE, allowed)
        assert done["tail"] == "looked at the log\n", done
        customer.wait_shown("runs the script Look", since=shown)
        customer.wait_shown("The script Look has ended", since=shown)
        again = send(live, order(console, live, "Look"))
        assert answer(live, Scripts.DONE, again)["tail"] == "looked at it\n"
        asked = [line for line in customer.lines if "asks to run scripts" in line]
        assert len(asked) == 2
        live.end()
        assert customer.wait_ended() == 0
    finally:
        customer.stop()
