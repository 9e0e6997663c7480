"""`kill -9` of every program during a session with chat, shell and screen: nothing acknowledged is lost, all goes on.

CI kills each program once; the long form does it again and again (`make test-long`).
"""

import json
import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.claimed import sign_in
from tests.harness.client import JumpClient, alive, item_named
from tests.harness.console import Console, LiveSession, open_socket
from tests.harness.visitor import Visitor

from farhand.cli.display import VirtualDisplay
from farhand.kit.ids import new_id
from farhand.protocol.channels import Control, Durable, Kind, Screen, channel
from farhand.protocol.frames import Frame
from farhand.recording.verifier import verify

NAME = "to be killed"
SCREEN = channel(Kind.SCREEN)
ROUNDS_LONG = 100


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    """A small virtual display on which something moves."""
    with VirtualDisplay("640x400x24") as running:
        running.open("xclock", "-geometry", "200x200+10+10", "-update", "1")
        running.open("xterm", "-geometry", "60x12+220+20", "-e", "sh", "-c", "while :; do date; sleep 0.3; done")
        yield running


def jump(console: Console) -> LiveSession:
    """Press Jump until the machine is back: after a kill it may be gone a moment before its item says so."""

    def press() -> LiveSession | None:
        path = f"jump-items/{item_named(console, NAME, within=40)['id']}/jump"
        answer = console.visitor.api("POST", f"/api/console/{path}", {"tab": console.tab})
        assert answer.status in (200, 409), answer.text
        return LiveSession(console, answer.json()) if answer.status == 200 else None

    live: LiveSession = wait_for(press, 40, "a session with the machine")
    return live


class Work:
    """A representative at work: watches the screen, has a shell, says things and remembers which were acknowledged."""

    def __init__(self, console: Console, client: JumpClient) -> None:
        self.console = console
        self.client = client
        self.live: LiveSession = jump(console)
        self.live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        self.shell = self.live.open_shell()
        self.live.type(self.shell, "unset HISTFILE; echo begin-$((1+1))\r")
        self.live.wait_output(self.shell, "begin-2")
        self.said: dict[str, str] = {}
        """Everything that was sent: id to text."""
        self.acknowledged: dict[str, int] = {}
        """id to number of the entry that came back."""
        self.watch()

    def watch(self) -> None:
        """Start Screen Sharing and acknowledge updates as a browser does."""
        socket = self.live.socket
        before = socket.on_frame

        def answer(frame: Frame) -> None:
            if before is not None:
                before(frame)
            if frame.channel == SCREEN and frame.type == Screen.UPDATE:
                socket.send_now(Screen.ACK, SCREEN, bytes(frame.payload[:4]) + b"\0\0", self.live.leg)

        socket.on_frame = answer
        since = len(socket.frames)
        socket.send(Screen.START, SCREEN, b'{"max_fps":10}', self.live.leg)
        socket.wait(lambda f: f.type == Screen.UPDATE and f.channel == SCREEN, 30, since, what="UPDATE")

    def say(self, text: str) -> None:
        """Send a line without waiting."""
        ident = new_id()
        self.said[ident] = text
        self._post(ident)

    def _post(self, ident: str) -> None:
        body = json.dumps({"id": ident, "kind": "chat", "text": self.said[ident]}).encode()
        self.live.socket.send(Durable.POST, channel(Kind.CHAT), body, self.live.leg)

    def collect(self) -> None:
        """Note what was acknowledged."""
        for entry in self.live.entries():
            if entry["id"] in self.said:
                known = self.acknowledged.setdefault(entry["id"], entry["seq"])
                assert known == entry["seq"], "one post, one number"

    def rejoin(self) -> None:
        """Come back after the relay was lost: last entry, fresh ticket, unacknowledged lines again."""
        self.collect()
        self.live.socket.close()

        def again() -> bool:
            try:
                self.live.rejoin()
            except Exception:
                return False
            return True

        wait_for(again, 60, "the leg back")
        self.collect()
        for ident in self.said.keys() - self.acknowledged.keys():
            self._post(ident)
        wait_for(lambda: self.collect() or self.said.keys() == self.acknowledged.keys(), 60, "every acknowledgement")

    def finish(self) -> None:
        """End the session and wait until the Jump Item is free again."""
        self.live.end()
        item_named(self.console, NAME, within=60)


def rows(appliance: Appliance, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the database."""
    with sqlite3.connect(appliance.data / "db.sqlite3", timeout=20) as database:
        return database.execute(query, values).fetchall()


def check_all_kept(appliance: Appliance, work: Work) -> None:
    """Everything acknowledged is in the database and in the report, once, under the number that was said."""
    live = work.live
    wait_for(
        lambda: rows(
            appliance, "SELECT 1 FROM support_sessionevent WHERE session_id=? AND kind='session-ended'", live.id
        ),
        30,
        "the journal's last entry in the database",
    )
    events = rows(
        appliance,
        "SELECT seq, kind, text FROM support_sessionevent WHERE session_id=? AND source='relay' ORDER BY seq",
        live.id,
    )
    assert [seq for seq, _kind, _text in events] == list(range(1, len(events) + 1)), "without gaps or repetition"
    chat = {seq: text for seq, kind, text in events if kind == "chat"}
    assert {seq: work.said[ident] for ident, seq in work.acknowledged.items()} == {
        seq: text for seq, text in chat.items() if text in set(work.said.values())
    }
    report = work.console.visitor.get(f"/login/reports/support/{live.id}").text
    shown = re.findall(r'<span class="said">([^<]*)</span>', report)
    assert sorted(text for text in shown if text in set(work.said.values())) == sorted(
        work.said[ident] for ident in work.acknowledged
    )


def segments(appliance: Appliance, session_id: str) -> list[Path]:
    """The session's recording files, in order."""
    return sorted((appliance.data / "relay" / "recordings" / session_id).glob("*.fhr"), key=lambda p: int(p.stem))


def verified(appliance: Appliance, file: Path) -> str:
    """What `farhand recording verify` says of a file that holds."""
    done = appliance.command("recording", "verify", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill(pid: int) -> None:
    """`kill -9` and wait for the end."""
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), 60, "the end of a killed process")


@pytest.mark.parametrize("program", ["web", "worker"])
def test_live_legs_do_not_notice_that_the_control_plane_dies(
    appliance: Appliance, console: Console, client: JumpClient, program: str
) -> None:
    work = Work(console, client)
    pids = appliance.pids
    key = console.post("session-keys", {"lifetime_s": 3600})
    settings = {"display_name": f"Administrator after {program}"}
    assert console.visitor.submit("/login/my-account/profile", settings).status == 200
    for number in range(5):
        work.say(f"before {program} {number}")
    begin, frames = time.monotonic(), len(work.live.socket.frames)
    appliance.kill(program)
    for number in range(5):
        work.say(f"after {program} {number}")
    work.live.type(work.shell, "echo alive-$((40+2))\r")
    work.live.wait_output(work.shell, "alive-42")
    wait_for(lambda: work.collect() or work.said.keys() == work.acknowledged.keys(), what="every acknowledgement")
    work.live.socket.wait(lambda f: f.type == Screen.UPDATE, since=frames, what="the screen going on")
    assert not work.live.socket.closed, "the live leg was never interrupted"
    assert time.monotonic() - begin < 60
    assert appliance.pid_of("relay") == pids["relay"]
    assert len(client.said("linked")) >= 1
    wait_for(lambda: console.visitor.get("/login").status == 200, 60, "pages again")
    # What was acknowledged before the kill still is: the key opens, the name is the new one.
    assert console.snapshot()["me"]["display_name"] == settings["display_name"]
    customer = appliance.visitor()
    assert customer.submit("/", {"key": key["key"]}, to="/start").status == 200
    console.visitor.submit("/login/my-account/profile", {"display_name": ADMIN["display_name"]})
    work.finish()
    check_all_kept(appliance, work)
    assert [verified(appliance, file) for file in segments(appliance, work.live.id)]
    assert appliance.logged("program_ended", name=program)


def test_a_session_survives_the_relay(appliance: Appliance, console: Console, client: JumpClient) -> None:
    work = Work(console, client)
    links = len(client.said("linked"))
    pids = appliance.pids
    for number in range(20):
        work.say(f"before the relay {number}")
    marked_ms = time.time() * 1000
    work.live.type(work.shell, "echo marked-$((40+2))\r")
    work.live.wait_output(work.shell, "marked-42")
    time.sleep(3)  # a recording may lose its last second, twice that on a busy machine
    appliance.kill("relay")
    work.say("into the gap")
    client.wait_linked(links + 1)
    work.rejoin()
    assert appliance.pid_of("web") == pids["web"]
    assert appliance.pid_of("worker") == pids["worker"]
    # The shell is the same one: it kept running, and what it said meanwhile comes.
    live = work.live
    live.socket.send(2, work.shell, b'{"offset":0}', live.leg)
    live.wait_output(work.shell, "begin-2", 30)
    live.type(work.shell, "echo again-$((40+2))\r")
    live.wait_output(work.shell, "again-42", 30)
    work.watch()
    time.sleep(1.5)
    work.finish()
    check_all_kept(appliance, work)
    files = segments(appliance, live.id)
    assert len(files) == 2, "each incarnation of the relay writes its own segment"
    said = verified(appliance, files[0])
    assert "cut off" in said
    assert "closed" in verified(appliance, files[1])
    head = json.loads(files[0].read_bytes()[8:].split(b"}", 1)[0] + b"}")
    seconds = float(re.findall(r"VERIFIED up to ([0-9.]+) s", said)[0])
    tail = re.findall(r", ([0-9.]+) s after the last signature", said)
    covered_ms = head["started_ms"] + (seconds + sum(map(float, tail))) * 1000
    assert covered_ms >= marked_ms, f"the recording ends {marked_ms - covered_ms:.0f} ms before the mark"
    report = f"/login/reports/support/{live.id}"
    told = r"<span class=\"mono\">[0-9:]+–[0-9:]+</span> The recording was cut off here"
    wait_for(lambda: re.search(told, console.visitor.get(report).text), 120, "the cut in the report")
    index = console.visitor.get(f"/reports/{live.id}/screen/index.json")
    assert index.status == 200
    assert len([s for s in index.json()["segments"] if s["places"]]) == 2
    cast = console.visitor.get(f"/reports/{live.id}/shell/{work.shell & 0xFF}.cast").text
    assert "begin-2" in cast
    assert "marked-42" in cast
    assert "again-42" in cast


def test_a_killed_agent_comes_back_to_its_session(appliance: Appliance, console: Console, client: JumpClient) -> None:
    work = Work(console, client)
    pids = appliance.pids
    for number in range(5):
        work.say(f"before the agent {number}")
    wait_for(lambda: work.collect() or work.said.keys() == work.acknowledged.keys(), what="every acknowledgement")
    links = len(client.said("linked"))
    client.kill()
    work.say("while the agent is away")
    wait_for(lambda: work.collect() or work.said.keys() == work.acknowledged.keys(), what="every acknowledgement")
    client.start().wait_linked(links + 1)
    shell = wait_for(lambda: reopened(work.live), 40, "a shell at the agent's new process")
    work.live.type(shell, "unset HISTFILE; echo new-$((40+2))\r")
    work.live.wait_output(shell, "new-42")
    work.watch()
    time.sleep(1.2)
    assert not work.live.socket.closed, "the console's leg was never interrupted"
    assert appliance.pids == pids, "an agent's end touches nobody else"
    work.finish()
    check_all_kept(appliance, work)
    assert [verified(appliance, file) for file in segments(appliance, work.live.id)]


def reopened(live: LiveSession) -> int:
    """Open a shell if the endpoint is there."""
    try:
        return live.open_shell(within=3)
    except AssertionError:
        return 0


def test_a_cut_recording_is_told_from_an_altered_one(
    appliance: Appliance, console: Console, client: JumpClient, tmp_path: Path
) -> None:
    work = Work(console, client)
    time.sleep(2.5)
    work.finish()
    file = wait_for(lambda: segments(appliance, work.live.id), what="a segment")[0]
    wait_for(lambda: "closed" in verified(appliance, file), what="the seal")
    content = file.read_bytes()
    cut = tmp_path / "cut.fhr"
    cut.write_bytes(content[: len(content) * 2 // 3])
    assert "cut off" in verified(appliance, cut)
    altered = tmp_path / "altered.fhr"
    place = len(content) // 2
    altered.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    done = appliance.command("recording", "verify", str(altered))
    assert done.returncode == 1
    assert re.search(r"DAMAGED at second [0-9]+", done.stdout), done.stdout
    keys = [
        bytes.fromhex(k) for k in json.loads((appliance.data / "relay" / "policy.json").read_bytes())["issuer_keys"]
    ]
    assert verify(content, keys).intact


def test_everything_at_once(appliance: Appliance, console: Console, client: JumpClient) -> None:
    """The machine loses power, as far as processes can: every program is killed at the same moment."""
    work = Work(console, client)
    for number in range(10):
        work.say(f"before all {number}")
    time.sleep(1)
    key = console.post("session-keys", {"lifetime_s": 3600})
    links = len(client.said("linked"))
    old = appliance.pids
    for pid in old.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(appliance.pid_of(name) != pid for name, pid in old.items()), 60, "new programs")
    client.wait_linked(links + 1)
    wait_for(lambda: console.visitor.get("/login").status == 200, 60, "pages again")
    work.rejoin()
    work.say("after all")
    wait_for(lambda: work.collect() or work.said.keys() == work.acknowledged.keys(), what="every acknowledgement")
    assert appliance.visitor().submit("/", {"key": key["key"]}, to="/start").status == 200
    work.finish()
    check_all_kept(appliance, work)
    for file in segments(appliance, work.live.id):
        verified(appliance, file)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_kills_at_random_moments(appliance: Appliance, console: Console, client: JumpClient) -> None:
    chance = random.Random(8443)
    for number in range(ROUNDS_LONG):
        work = Work(console, client)
        for _ in range(3):
            for line in range(chance.randrange(1, 8)):
                work.say(f"round {number} {line} {new_id()}")
            time.sleep(chance.random())
            program = chance.choice(["relay", "web", "worker"])
            links = len(client.said("linked"))
            appliance.kill(program)
            if program == "relay":
                client.wait_linked(links + 1)
                wait_for(lambda: appliance.visitor().get("/login").status == 200, 60, "pages again")
                work.rejoin()
        wait_for(lambda: appliance.visitor().get("/login").status == 200, 60, "pages again")
        wait_for(lambda w=work: w.collect() or w.said.keys() == w.acknowledged.keys(), 60, "every acknowledgement")  # type: ignore[misc]
        work.finish()
        check_all_kept(appliance, work)
        for file in segments(appliance, work.live.id):
            verified(appliance, file)


def test_a_console_that_comes_while_the_relay_starts_gets_in(appliance: Appliance, client: JumpClient) -> None:
    visitor: Visitor = sign_in(appliance, ADMIN["username"], ADMIN["password"])
    appliance.kill("relay")
    ticket = Console(visitor).post("events-ticket")["events_ticket"]
    socket = wait_for(lambda: try_open(appliance.port, visitor.origin), 60, "a socket")
    socket.send(Control.LISTEN, 0, json.dumps({"ticket": ticket, "have": {}}).encode())
    socket.wait(lambda f: f.type == Control.WELCOME, what="WELCOME")
    socket.close()


def try_open(port: int, origin: str) -> Any:
    """Open an event socket if it is possible now."""
    try:
        return open_socket(port, "/live/events", origin)
    except Exception:
        return None
