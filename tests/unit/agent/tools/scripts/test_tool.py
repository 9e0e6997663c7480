"""The scripts tool: what is ordered, asked for and on record runs; how it ends; and its bounds."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.harness.appliance import wait_for
from tests.harness.client import alive
from tests.unit.agent.fakes import FakePort
from tests.unit.agent.orders import SESSION, SITE, START, message, order

from farhand.agent.core.machine import MachineError, NoMachine
from farhand.agent.core.orders import Orders
from farhand.agent.core.tools import NotRecordedError, Question
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.scripts import LinuxScript
from farhand.agent.tools.scripts import make, tool
from farhand.kit import signing
from farhand.protocol.actions import Context
from farhand.protocol.channels import Grant, Kind, Scripts, channel
from farhand.protocol.scripts import MAX_OUTPUT

SCRIPTS = channel(Kind.SCRIPTS)
Scene = Callable[["Port", Any], Coroutine[Any, Any, None]]


class Host(NoMachine):
    """A machine that runs scripts as this account, and remembers where."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Context]] = []
        self.says_no = ""
        self.broken = False

    def start_script(self, text: str, context: Context, environment: dict[str, str]) -> LinuxScript:
        if self.broken:
            raise KeyError("broken")
        if self.says_no:
            raise MachineError(self.says_no)
        self.started.append((text, context))
        return LinuxScript(text, own(), environment)


class Port(FakePort):
    """A session whose customer may take time, and whose record may fail."""

    answer: asyncio.Future[bool] | None = None
    unrecorded = False
    meanwhile: Callable[[], None] | None = None
    """What happens while something is put on record."""

    async def ask(self, question: Question) -> bool:
        allowed = await super().ask(question)
        self.changed.set()
        return allowed if self.answer is None else await self.answer

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        if self.unrecorded:
            raise NotRecordedError("too-many", "Too much is on record already.")
        seq = await super().posted(kind, text, **data)
        if self.meanwhile is not None:
            self.meanwhile()
        return seq


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "scripts"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))


def play(scene: Scene, **options: Any) -> None:
    async def run() -> None:
        orders = Orders(signing.public_of(SITE).hex(), SESSION)
        orders.server_time(START, time.monotonic())
        port = Port(machine=Host(), grants=Grant.SCRIPTS, orders=orders, **options)
        made = make(port)
        await scene(port, made)
        made.close()

    asyncio.run(run())


def run_it(made: Any, text: str, leg: int = 2, **more: Any) -> str:
    """Hand an order over; gives the run's id."""
    wanted = order(text, leg=leg, **more)
    content = message(wanted, text=text)
    payload = json.dumps({"order": content.order, "issuer": content.issuer, "text": content.text}).encode()
    made.on_frame(leg, Scripts.RUN, SCRIPTS, memoryview(payload))
    return wanted.jti


def cancel(made: Any, run: str, leg: int = 2) -> None:
    made.on_frame(leg, Scripts.CANCEL, SCRIPTS, memoryview(json.dumps({"run": run}).encode()))


def told(port: FakePort, frame_type: int, run: str, leg: int = 2) -> list[dict[str, Any]]:
    found = [json.loads(payload) for kind, _channel, payload, to in port.sent if (kind, to) == (frame_type, leg)]
    return [one for one in found if one["run"] == run]


async def done(port: FakePort, run: str, leg: int = 2) -> dict[str, Any]:
    await port.until(lambda: told(port, Scripts.DONE, run, leg))
    return told(port, Scripts.DONE, run, leg)[0]


def kinds(port: FakePort) -> list[str]:
    return [kind for kind, _data in port.posts]


async def pids_in(file: Path, count: int) -> list[int]:
    def found() -> list[int]:
        return [int(pid) for pid in file.read_text().split()] if file.exists() else []

    await asyncio.to_thread(wait_for, lambda: len(found()) == count, 60, "the processes")
    return await asyncio.to_thread(found)


async def gone(pids: list[int]) -> None:
    await asyncio.to_thread(wait_for, lambda: not any(alive(pid) for pid in pids), 60, "the end of all of it")


def test_a_run_is_on_record_before_and_after_and_its_output_goes_to_who_asked() -> None:
    async def scene(port: Port, made: Any) -> None:
        run = run_it(made, 'echo "$PARAM_A b"; exit 3', parameters={"A": "a"}, context="system")
        found = await done(port, run)
        assert (found["ran"], found["status"], found["reason"], found["tail"]) == (True, 3, "ended", "a b\n")
        assert found["output_bytes"] == 4
        assert "".join(one["text"] for one in told(port, Scripts.OUTPUT, run)) == "a b\n"
        assert [leg for *_rest, leg in port.sent] == [2] * len(port.sent)
        assert kinds(port) == ["script-requested", "script-started", "script-ended"]
        started, ended = port.posts[1][1], port.posts[2][1]
        assert (started["parameters"], started["context"], started["by"]) == ("A=a", "system", "rep2")
        assert (ended["status"], ended["reason"], ended["bytes"], ended["run"]) == (3, "ended", 4, run)
        assert isinstance(port.machine, Host)
        assert port.machine.started[0][1] == "system"

    play(scene)


def test_what_was_not_ordered_is_refused_and_on_record() -> None:
    async def scene(port: Port, made: Any) -> None:
        run = run_it(made, "true", session_id=SITE.public_key().public_bytes_raw().hex()[:36])
        found = await done(port, run)
        assert (found["ran"], found["reason"]) == (False, "refused")
        run_it(made, "true", leg=3)
        made.on_frame(2, Scripts.RUN, SCRIPTS, memoryview(b'{"order":"x","issuer":"y","text":"true"}'))
        await port.until(lambda: told(port, Scripts.DONE, ""))
        assert kinds(port).count("script-refused") == 2
        for hostile in (b"", b"{}", b"[]", b'{"order":1}', b"\xff" * 20):
            with pytest.raises(ValueError, match=r".*"):
                made.on_frame(2, Scripts.RUN, SCRIPTS, memoryview(hostile))

    play(scene)


def test_a_flood_of_bad_orders_is_answered_but_not_put_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(port: Port, made: Any) -> None:
        for leg in (2, 3):
            for _ in range(50):
                made.on_frame(leg, Scripts.RUN, SCRIPTS, memoryview(b'{"order":"x","issuer":"y","text":"true"}'))
        assert [data["leg"] for _kind, data in port.posts] == [2, 3]
        assert len(told(port, Scripts.DONE, "")) == 50
        first, second = run_it(made, "true", leg=2, expires_ms=0), run_it(made, "true", leg=2, expires_ms=0)
        assert [data["run"] for _kind, data in port.posts[2:]] == [first, second]  # what the site did order
        wanted = order("true")
        content = msgspec.json.encode(message(wanted, text="true"))
        for _ in range(50):
            made.on_frame(2, Scripts.RUN, SCRIPTS, memoryview(content))
        await port.until(lambda: len(told(port, Scripts.DONE, wanted.jti)) == 50)
        assert kinds(port).count("script-refused") == 5
        monkeypatch.setattr(tool, "NOTE_S", 0.0)
        made.on_frame(2, Scripts.RUN, SCRIPTS, memoryview(b'{"order":"x","issuer":"y","text":"true"}'))
        assert kinds(port)[-1] == "script-refused"

    play(scene)


def test_values_are_on_record_whole_or_nothing_runs() -> None:
    async def scene(port: Port, made: Any) -> None:
        most = {f"A{number}": "x" * 508 for number in range(8)}  # 8 lines of 511 characters, 7 line breaks
        values = "\n".join(f"{name}={value}" for name, value in most.items())
        assert (await done(port, run_it(made, "true", parameters=most)))["ran"]
        assert port.posts[1][1]["parameters"] == values
        more = most | {"B": "x"}
        found = await done(port, run_it(made, "true", parameters=more))
        assert (found["ran"], found["reason"]) == (False, "refused")
        assert "longer than the record takes" in found["text"]
        assert port.posts[-1][0] == "script-refused"

    play(scene)


def test_the_customer_is_asked_once_for_each_representative() -> None:
    async def scene(port: Port, made: Any) -> None:
        first, second = run_it(made, "echo 1"), run_it(made, "echo 2")
        assert {(await done(port, run))["tail"] for run in (first, second)} == {"1\n", "2\n"}
        third = run_it(made, "echo 3")
        await done(port, third)
        await done(port, run_it(made, "echo 4", leg=3), leg=3)
        assert [(one.tool, one.by) for one in port.questions] == [("scripts", "rep2"), ("scripts", "rep3")]

    play(scene, attended=True)


def test_a_no_is_on_record_and_nothing_runs() -> None:
    async def scene(port: Port, made: Any) -> None:
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["reason"]) == (False, "refused")
        assert "did not allow" in found["text"]
        assert kinds(port) == ["script-requested", "script-refused"]

    play(scene, attended=True, allow=False)


def test_a_wish_is_taken_back_while_the_customer_thinks() -> None:
    async def scene(port: Port, made: Any) -> None:
        port.answer = port.loop.create_future()
        assert not made.runs_while_asked(Scripts.RUN, memoryview(b""))
        assert made.runs_while_asked(Scripts.CANCEL, memoryview(b""))
        first, second = run_it(made, "true"), run_it(made, "true")
        await port.until(lambda: port.questions)
        cancel(made, first, leg=3)
        assert (await done(port, first))["reason"] == "cancelled"
        assert (port.posts[-1][1]["by"], port.posts[-1][1]["ended_by"]) == ("rep2", "rep3")
        assert told(port, Scripts.DONE, first)[0]["text"] == "rep3 cancelled it before it began."
        assert not port.answer.cancelled()
        cancel(made, second)
        assert (await done(port, second))["reason"] == "cancelled"
        await asyncio.sleep(0)
        assert port.answer.cancelled()  # the question is gone too
        port.answer = None
        assert (await done(port, run_it(made, "true")))["ran"]
        cancel(made, first)
        await port.until(lambda: len(told(port, Scripts.DONE, first)) == 2)
        assert told(port, Scripts.DONE, first)[1]["text"] == "This script does not run."

    play(scene, attended=True)


def test_who_leaves_takes_the_wish_along_but_not_what_runs(tmp_path: Path) -> None:
    async def scene(port: Port, made: Any) -> None:
        mark = tmp_path / "mark"
        running = run_it(made, f"echo $$ > {mark}; sleep 0.2; echo end")
        await pids_in(mark, 1)
        made.viewer_left(2)
        assert (await done(port, running))["tail"] == "end\n"

    play(scene)


def test_who_loses_the_grant_has_its_scripts_ended() -> None:
    async def scene(port: Port, made: Any) -> None:
        mine, other = run_it(made, "echo on; sleep 600"), run_it(made, "echo on; sleep 600", leg=3)
        await port.until(lambda: told(port, Scripts.OUTPUT, mine) and told(port, Scripts.OUTPUT, other, 3))
        port.grants = Grant.CHAT
        made.viewer_left(2)
        assert (await done(port, mine))["reason"] == "cancelled"
        assert "ended_by" not in port.posts[-1][1]
        assert not told(port, Scripts.DONE, other, 3)

    play(scene)


def test_a_time_limit_and_the_sessions_end_leave_nothing_behind(tmp_path: Path) -> None:
    async def scene(port: Port, made: Any) -> None:
        pids = tmp_path / "pids"
        text = f"trap '' TERM; sleep 600 & echo $$ $! >> {pids}; while :; do sleep 1; done"
        limited = await done(port, run_it(made, text, time_limit_s=1))
        assert (limited["reason"], limited["status"], limited["ran"]) == ("time-limit", -9, True)
        run_it(made, text)
        found = await pids_in(pids, 4)
        made.close()
        await gone(found)
        await port.until(lambda: kinds(port).count("script-ended") == 2)

    play(scene)


def test_a_cancel_ends_it_in_order_when_it_heeds_it() -> None:
    async def scene(port: Port, made: Any) -> None:
        run = run_it(made, "trap 'echo bye; exit 9' TERM; echo on; while :; do sleep 0.1; done")
        await port.until(lambda: told(port, Scripts.OUTPUT, run))
        cancel(made, run, leg=3)  # whoever may run scripts may end one
        found = await done(port, run)
        assert (found["reason"], found["status"], found["tail"][-4:]) == ("cancelled", 9, "bye\n")
        assert (port.posts[-1][1]["by"], port.posts[-1][1]["ended_by"]) == ("rep2", "rep3")

    play(scene)


def test_only_so_many_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "MAX_RUNS", 2)

    async def scene(port: Port, made: Any) -> None:
        runs = [run_it(made, "sleep 600") for _ in range(2)]
        refused = await done(port, run_it(made, "true"))
        assert "Too many scripts" in refused["text"]
        assert kinds(port).count("script-requested") == 2
        assert "script-refused" not in kinds(port)
        cancel(made, runs[0])
        await done(port, runs[0])
        assert (await done(port, run_it(made, "true")))["ran"]

    play(scene)


def test_a_hundred_megabytes_are_not_sent() -> None:
    async def scene(port: Port, made: Any) -> None:
        run = run_it(made, "head -c 100000000 /dev/zero | tr '\\0' x; echo the end")
        found = await done(port, run)
        assert (found["output_bytes"], found["status"]) == (100_000_008, 0)
        assert found["tail"].endswith("xthe end\n")
        assert len(found["tail"]) == 4096
        sent = told(port, Scripts.OUTPUT, run)
        offset = 0
        for one in sent:
            assert one["offset"] == offset
            offset += len(one["text"])
        assert MAX_OUTPUT <= offset < MAX_OUTPUT + 65_536

    play(scene)


def test_a_slow_connection_leaves_output_out() -> None:
    async def scene(port: Port, made: Any) -> None:
        port.waiting = tool.MAX_BACKLOG
        run = run_it(made, "echo on")
        assert (await done(port, run))["tail"] == "on\n"
        assert not told(port, Scripts.OUTPUT, run)

    play(scene)


def test_bytes_that_are_no_text_are_replaced() -> None:
    async def scene(port: Port, made: Any) -> None:
        run = run_it(made, "printf '\\303'; sleep 0.2; printf '\\244\\377\\0|\\303'")
        found = await done(port, run)
        assert found["tail"] == "ä\ufffd\ufffd|\ufffd"
        sent = told(port, Scripts.OUTPUT, run)
        assert "".join(one["text"] for one in sent) == "ä\ufffd\0|\ufffd"

    play(scene)


def test_what_is_not_on_record_does_not_run() -> None:
    async def scene(port: Port, made: Any) -> None:
        port.unrecorded = True
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["text"]) == (False, "Too much is on record already.")
        assert isinstance(port.machine, Host)
        assert not port.machine.started

    play(scene)


def test_what_the_machine_refuses_is_told() -> None:
    async def scene(port: Port, made: Any) -> None:
        assert isinstance(port.machine, Host)
        port.machine.says_no = "Nobody is signed in at this computer."
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["reason"], found["text"]) == (False, "failed", port.machine.says_no)
        assert port.posts[-1][0] == "script-ended"
        assert port.posts[-1][1]["reason"] == "failed"

    play(scene)


def test_a_fault_of_the_client_ends_the_run_too() -> None:
    async def scene(port: Port, made: Any) -> None:
        assert isinstance(port.machine, Host)
        port.machine.broken = True
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["reason"]) == (False, "failed")
        assert port.posts[-1][0] == "script-ended"
        port.machine.broken = False
        assert (await done(port, run_it(made, "true")))["ran"]

    play(scene)


@pytest.mark.parametrize("left", [Grant.NONE, Grant.CHAT])
def test_nothing_runs_for_who_is_out_before_it_is_on_record(left: Grant) -> None:
    async def scene(port: Port, made: Any) -> None:
        def out() -> None:
            port.grants = left
            made.viewer_left(2)

        port.meanwhile = out
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["reason"]) == (False, "cancelled")
        assert kinds(port) == ["script-requested", "script-started", "script-ended"]
        assert port.posts[-1][1]["reason"] == "cancelled"
        assert isinstance(port.machine, Host)
        assert not port.machine.started

    play(scene)


def test_a_switch_while_it_is_put_on_record_ends_it_on_record_too() -> None:
    async def scene(port: Port, made: Any) -> None:
        port.meanwhile = made.close
        run_it(made, "true")
        await port.until(lambda: "script-ended" in kinds(port))
        assert port.posts[-1][1]["reason"] == "cancelled"
        assert isinstance(port.machine, Host)
        assert not port.machine.started

    play(scene)


def test_nothing_runs_for_somebody_else_on_the_same_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(port: Port, made: Any) -> None:
        port.meanwhile = lambda: monkeypatch.setattr(port, "name_of", lambda leg: "another")
        found = await done(port, run_it(made, "true"))
        assert (found["ran"], found["reason"]) == (False, "cancelled")

    play(scene)


@pytest.mark.parametrize("at", ["read", "close"])
def test_output_that_cannot_be_read_ends_the_run(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = getattr(LinuxScript, at)

    def broken(script: LinuxScript, *size: int) -> None:
        plain(script, *size)
        raise OSError("broken")

    async def scene(port: Port, made: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(LinuxScript, at, broken)
            found = await done(port, run_it(made, "echo on"))
        assert (found["ran"], found["reason"]) == (True, "failed")
        assert "could not be read" in found["text"]
        assert port.posts[-1][0] == "script-ended"
        assert (await done(port, run_it(made, "echo on")))["tail"] == "on\n"

    play(scene)
