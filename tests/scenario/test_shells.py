"""Shells with the real programs: typed secrets stay out of recordings, recording follows its switch, and a flood of
output is whole after the relay's end.
"""

import json
import os
import struct
from pathlib import Path
from typing import Any

from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, item_named
from tests.harness.console import Console, LiveSession

from farhand.protocol.channels import CREDIT, Kind, Shell
from farhand.protocol.frames import Frame
from farhand.protocol.shell import OFFSET

NAME = "shells"
ASKS = (
    "import getpass, hashlib; word = getpass.getpass('Password for %s: ' % 'root'); "
    "print('accepted', len(word), hashlib.sha256(word.encode()).hexdigest()[:8])"
)
"""A program that asks for a password as sudo and passwd do: the terminal's echo is off meanwhile."""
SECURITY = "/login/management/security"
MIB = 1 << 20


def transcript(console: Console, live: LiveSession, number: int, form: str = "txt") -> str:
    """A shell of a session that has ended, from its report."""
    address = f"/reports/{live.id}/shell/{number}.{form}"
    return str(wait_for(lambda: (a := console.visitor.get(address)).status == 200 and a.text, 40, address))


#
def test_a_secret_that_is_typed_without_echo_is_kept_nowhere(
    client: JumpClient, console: Console, appliance: Appliance
) -> None:
    canary, other = "Canary7f31beef", "Kanarienvogel88"
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shell = live.open_shell()
    live.type(shell, "bash --norc\r")
    live.type(shell, "unset HISTFILE; PS1='$ '; echo ready-$((1+1))\r")
    live.wait_output(shell, "ready-2", 40)
    live.type(shell, "printf 'tell %s: ' me; read -rs X; echo took-${#X}\r")
    live.wait_output(shell, "tell me: ")
    live.type(shell, f"{canary}\r")
    live.wait_output(shell, f"took-{len(canary)}")
    live.type(shell, f'python3 -c "{ASKS}"\r')
    live.wait_output(shell, "Password for root: ", 40)
    live.type(shell, f"{other}\r")
    live.wait_output(shell, f"accepted {len(other)} ", 40)
    live.type(shell, "echo spoken-$((40+2))\r")
    live.wait_output(shell, "spoken-42")
    live.end()
    item_named(console, NAME, within=60)

    said = transcript(console, live, 1)
    cast = transcript(console, live, 1, "cast")
    for text in (said, cast):
        assert f"took-{len(canary)}" in text
        assert "Password for root:" in text
        assert "spoken-42" in text
    report = f"/login/reports/support/{live.id}"
    page = console.visitor.get(f"{report}?find=SPOKEN-42").text
    assert "<mark>spoken-42</mark>" in page, "R-185: the transcript is searched in the report"
    for secret in (canary, other):
        assert "No transcript has these words." in console.visitor.get(f"{report}?find={secret}").text
        for text in (said, cast, console.visitor.get(report).text, *appliance.lines, *client.lines):
            assert secret not in text
        places = [*appliance.data.rglob("*"), *client.state.rglob("*")]
        assert not [p for p in places if p.is_file() and not p.is_symlink() and secret.encode() in p.read_bytes()]


#
def test_shells_are_recorded_while_the_switch_is_on(client: JumpClient, console: Console) -> None:
    def switch(**fields: str) -> None:
        assert console.visitor.submit(SECURITY, {"web_console": "on", "clipboard": "on", **fields}).status == 200

    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; echo seen-$((40+2))\r")
    live.wait_output(shell, "seen-42", 40)
    switch()
    live.type(shell, "echo unseen-$((40+2))\r")
    live.wait_output(shell, "unseen-42")
    quiet = live.open_shell()
    live.type(quiet, "unset HISTFILE; echo hushed-$((40+2))\r")
    live.wait_output(quiet, "hushed-42", 40)
    switch(shell_recording="on")
    live.type(shell, "echo again-$((40+2))\r")
    live.wait_output(shell, "again-42")
    live.end()
    item_named(console, NAME, within=60)
    said = transcript(console, live, 1)
    assert "seen-42" in said
    assert "again-42" in said
    assert "gap of" in said, "what is missing is told"
    for number in (1, 2):
        answer = console.visitor.get(f"/reports/{live.id}/shell/{number}.txt")
        assert "unseen" not in answer.text
        assert "hushed" not in answer.text
    # It is told when the recording has been verified, so that it is known what is in it.
    wait_for(lambda: "Command Shells that were not recorded" in report_of(console, live), 120, "the quiet shell")
    assert "Still open" not in report_of(console, live)


def test_a_recording_that_ran_on_after_it_was_verified_is_never_called_cut_off(
    client: JumpClient, console: Console
) -> None:
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; echo begun-$((40+2))\r")
    live.wait_output(shell, "begun-42", 40)
    wait_for(lambda: "Verified to 0:00:0" in report_of(console, live), 60, "a first verification")
    live.type(shell, "sleep 2; echo more-$((40+2))\r")
    live.wait_output(shell, "more-42", 40)
    live.end()
    said: list[str] = []

    def proven() -> bool:
        said.append(report_of(console, live))
        return "without gaps" in said[-1] and "in progress" not in said[-1]

    wait_for(proven, 120, "the whole recording verified")
    assert not [page for page in said if "cut off" in page]
    item_named(console, NAME, within=60)


def report_of(console: Console, live: LiveSession) -> str:
    """The session's report as text."""
    return console.visitor.get(f"/login/reports/support/{live.id}").text


class Reader(LiveSession):
    """A console that puts one shell's output together by offset, as docs/protocol/shell.md demands."""

    def __init__(self, console: Console, ticket: dict[str, Any]) -> None:
        self.whole = bytearray()
        self.owed = 0
        self.repeated = 0
        self.problems: list[str] = []
        super().__init__(console, ticket)

    def _return_credit(self, frame: Frame) -> None:
        if frame.channel >> 8 != Kind.SHELL or frame.type not in (Shell.DATA, Shell.GAP):
            super()._return_credit(frame)
            return
        self._socket_now.frames[-1] = frame._replace(payload=b"")
        if frame.type == Shell.GAP:
            self.problems.append(f"announced as gone: {bytes(frame.payload)!r}")
            return
        (offset,) = OFFSET.unpack_from(frame.payload)
        data = bytes(frame.payload[OFFSET.size :])
        have = len(self.whole)
        if offset > have:
            self.attach(frame.channel)
            return
        known = self.whole[offset : offset + len(data)]
        if known != data[: len(known)]:
            self.problems.append(f"other bytes at {offset}")
        self.repeated += len(known)
        self.whole += data[have - offset :]
        self.owed += len(data)
        if self.owed >= 16 * 1024:
            self._socket_now.send_now(CREDIT, frame.channel, struct.pack("<I", self.owed), self.leg)
            self.owed = 0

    def attach(self, shell: int) -> None:
        """Ask for what comes behind the last byte that is here."""
        self.owed = 0
        self._socket_now.send_now(Shell.ATTACH, shell, json.dumps({"offset": len(self.whole)}).encode(), self.leg)


def resident(pid: int) -> int:
    """Bytes of memory of a process now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


#
def test_a_flood_survives_the_relay_byte_by_byte(client: JumpClient, console: Console, appliance: Appliance) -> None:
    """About 100 MB of output, the relay killed in its middle: at the console no byte is lost, none is there twice."""
    last = 12_000_000
    ticket = console.post(f"jump-items/{item_named(console, NAME)['id']}/jump", {"tab": console.tab})
    live = Reader(console, ticket)
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shell = live.open_shell()
    live.type(shell, "unset HISTFILE; PS1='$ '; stty -opost; echo ready-$((1+1))\r")
    wait_for(lambda: b"ready-2" in live.whole, 40, "a shell that is ready")
    assert client.process
    agent = client.process.pid
    before = resident(agent)
    largest = before
    live.type(shell, f"echo begin-$((1+1)); seq {last}; echo end-$((1+1))\r")

    def reached(size: int) -> bool:
        nonlocal largest
        largest = max(largest, resident(agent))
        return len(live.whole) >= size or live.problems != []

    wait_for(lambda: reached(30 * MIB), 200, "the middle of the flood")
    links = len(client.said("linked"))
    appliance.kill("relay")
    client.wait_linked(links + 1)

    def back() -> bool:
        try:
            live.rejoin()
        except Exception:
            return False
        return True

    wait_for(back, 40, "the leg back")
    live.socket.send(Shell.ATTACH, shell, json.dumps({"offset": len(live.whole)}).encode(), live.leg)
    wait_for(lambda: reached(1 << 62) or b"end-2" in live.whole[-200:], 300, "the end of the flood")
    assert live.problems == []
    head = live.whole.index(b"begin-2\n") + len(b"begin-2\n")
    tail = live.whole.rindex(b"end-2\n")
    expected = b"".join(b"%d\n" % number for number in range(1, last + 1))
    assert tail - head == len(expected)
    assert live.whole[head:tail] == expected
    assert largest - before < 32 * MIB, f"the agent grew by {(largest - before) / MIB:.0f} MiB"
    assert os.path.exists(f"/proc/{agent}"), "the same agent all the time"
    live.end()
