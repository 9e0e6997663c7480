"""The customer client from question to end, with a scripted face; the terminal's face over a real pipe."""

import asyncio
import contextlib
import os
import shutil
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.agent.fake_site import NOW_MS, SESSION_ID, FakeSite, TlsPair, acknowledge, console, welcome

from farhand.agent.__main__ import main
from farhand.agent.core.errors import ClientError, RefusedError, UnreachableError, WrongSiteError
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.core.reconnect import Failure, ReconnectPolicy
from farhand.agent.core.tools import Question
from farhand.agent.customer import program
from farhand.agent.customer.program import attend, describe, help_customer
from farhand.agent.customer.returning import Back, Way
from farhand.agent.customer.terminal import TerminalUi, _said
from farhand.agent.customer.ui import Actions, HelpOffer, Line, ScriptedUi, printable
from farhand.agent.platforms import here
from farhand.kit.signing import check_bytes, public_of
from farhand.protocol.channels import Control, Kind, Party, Shell, channel
from farhand.protocol.messages import Ability, End, Entry, Roster
from farhand.protocol.shell import ShellOpen


def prepared(site: FakeSite) -> CustomerConfig:
    site.answers["/api/customer/info"] = (200, {"representative": "Rep One", "site": "Desk", "expires_ms": NOW_MS})
    site.answers["/api/customer/start"] = (
        200,
        {"session_id": SESSION_ID, "ticket": "ticket", "representative": "Rep One"},
    )
    return CustomerConfig(server=site.url, site_key=site.site_key, join="join-token")


@contextlib.asynccontextmanager
async def attending(tmp_path: Path, ui: ScriptedUi):
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        task = asyncio.ensure_future(attend(prepared(site), ui, here(), None))
        try:
            yield site, task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientError):
                await task


async def test_a_customer_accepts_chats_and_ends(tmp_path: Path) -> None:  # R-021 R-024 R-245
    ui = ScriptedUi()
    async with attending(tmp_path, ui) as (site, task):
        peer = await site.peer(0)
        await welcome(peer)
        _method, path, body = site.requests[-1]
        assert path == "/api/customer/start"
        check_bytes(bytes.fromhex(body["key"]), "join", b"join-token", bytes.fromhex(body["proof"]))
        assert ui.offers == [HelpOffer("Rep One", "Desk", site.url)]
        peer.control(Control.ROSTER, Roster(legs=[console()]))
        peer.control(Control.ROSTER, Roster(legs=[console(), console(3)]))
        assert ui.actions is not None
        ui.actions.chat("hello")
        post = await peer.take_post("chat")
        acknowledge(peer, post, 1)
        ui.actions.end()
        ui.actions.end()
        ended = await peer.take_post("customer-ended")
        acknowledge(peer, ended, 2)
        await peer.take_control(Control.LEAVE)
        peer.control(Control.END, End(reason="left", text="Bye.", uninstall=True))
        outcome = await asyncio.wait_for(task, 60)
    assert (outcome.text, outcome.remove, outcome.failed) == ("Bye.", True, False)
    assert [(line.name, line.text, line.mine) for line in ui.lines] == [
        ("customer", "hello", True),
        ("", "You have ended the session.", False),
    ]
    assert "rep2 is with you." in ui.states
    assert "rep2, rep3 are with you." in ui.states
    assert "Waiting for Rep One…" in ui.states


async def test_a_customer_who_declines_starts_nothing(tmp_path: Path) -> None:
    async with attending(tmp_path, ScriptedUi(accept=False)) as (site, task):
        outcome = await asyncio.wait_for(task, 60)
        assert not outcome.remove
        assert [path for _, path, _ in site.requests] == ["/api/agent/site", "/api/customer/info"]
        assert not site.peers


async def test_each_tool_is_asked_for(tmp_path: Path) -> None:
    ui = ScriptedUi(allow={"shell": False})
    async with attending(tmp_path, ui) as (site, _task):
        peer = await site.peer(0)
        await welcome(peer, console())
        peer.send(Shell.OPEN, channel(Kind.SHELL), msgspec.json.encode(ShellOpen()), leg=2)
        await peer.take_post("shell-refused")
        assert ui.questions == [Question("shell", "rep2")]


async def test_a_used_key_and_a_wrong_site_are_told(tmp_path: Path) -> None:
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        config = prepared(site)
        site.answers["/api/customer/info"] = (410, {"error": {"code": "used", "text": "This key was used already."}})
        with pytest.raises(RefusedError, match=r"^This key was used already\.$"):
            await attend(config, ScriptedUi(), here(), None)
        with pytest.raises(WrongSiteError):
            await attend(msgspec.structs.replace(config, site_key="00" * 32), ScriptedUi(), here(), None)


async def test_a_fresh_ticket_is_fetched_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "RENEW_S", 0.05)
    monkeypatch.setattr(program, "RENEW_AGAIN_S", 0.05)
    renewed: list[str] = []
    came = asyncio.Event()

    def renew(_session: object, ticket: str) -> None:
        renewed.append(ticket)
        came.set()

    monkeypatch.setattr("farhand.agent.core.session.Session.renew", renew)
    async with attending(tmp_path, ScriptedUi()) as (site, task):
        await welcome(await site.peer(0))
        await asyncio.wait_for(came.wait(), 60)
        assert renewed[0] == "ticket"
        starts = [body for _method, path, body in site.requests if path == "/api/customer/start"]
        assert starts[0]["key"] == starts[1]["key"]
        site.answers["/api/customer/start"] = (503, {"error": {"code": "busy", "text": "Later."}})
        count = len(site.requests)
        while len(site.requests) < count + 3:  # noqa: ASYNC110 - a refusal is tried again
            await asyncio.sleep(0.01)
        site.answers["/api/customer/start"] = (
            200,
            {"session_id": SESSION_ID, "ticket": "fresh", "representative": "Rep One"},
        )
        while renewed[-1] != "fresh":  # noqa: ASYNC110 - the newest ticket is used from then on
            await asyncio.sleep(0.01)
        assert not task.done()


async def test_the_client_removes_itself_when_told(tmp_path: Path) -> None:
    file, unpacked = tmp_path / "client.pyz", tmp_path / "run-1"
    file.write_bytes(b"x")
    unpacked.mkdir()
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        ui = _Waiting()
        package = Package(file, unpacked)
        call = asyncio.to_thread(help_customer, prepared(site), ui, here(), None, package)
        task = asyncio.ensure_future(call)
        peer = await site.peer(0)
        await welcome(peer)
        peer.control(Control.END, End(reason="ended", text="Over.", uninstall=True))
        assert await asyncio.wait_for(task, 60) == 0
    assert ui.ended == ["Over."]
    assert not file.exists()
    assert not unpacked.exists()


class Hurry(ReconnectPolicy):
    """Pauses that a test does not notice."""

    def failed(self, how: Failure, retry_after_s: float | None = None) -> float:
        return min(super().failed(how, retry_after_s), 0.01)


class Kept:
    """What a client kept for its way back, and whether it is still there."""

    def __init__(self, folder: Path, rest_s: float = 600) -> None:
        self.folder = folder / "return-x"
        self.folder.mkdir()
        self.state = self.folder / "return.json"
        self.state.write_bytes(b"{}")
        self.starts = True
        until_ms = round((time.time() + rest_s) * 1000)
        way = Way(config=CustomerConfig(server="s", site_key="ab" * 32, join="j"), seed="cd" * 32, until_ms=until_ms)
        self.back = Back(way, self, self.state)

    def ability(self) -> Ability:
        return Ability(can=True)

    def set(self, command: list[str]) -> None:
        raise AssertionError(command)

    def unset(self) -> None:
        self.starts = False

    def forget(self) -> None:
        self.unset()
        shutil.rmtree(self.folder)


@contextlib.asynccontextmanager
async def returning(folder: Path, ui: ScriptedUi, kept: Kept, monkeypatch: pytest.MonkeyPatch):
    """A client that comes back to a site whose first answers are no answers."""
    monkeypatch.setattr(program, "ReconnectPolicy", Hurry)
    failures: list[ClientError] = []
    fetch = program._fetch_info

    def fetched(*values: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return fetch(*values)

    monkeypatch.setattr(program, "_fetch_info", fetched)
    async with FakeSite(TlsPair.make(folder, "site")) as site:
        task = asyncio.ensure_future(attend(prepared(site), ui, here(), None, back=kept.back))
        try:
            yield site, task, failures
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientError):
                await task


async def test_who_comes_back_waits_for_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ui, kept = ScriptedUi(accept=False), Kept(tmp_path)
    async with returning(tmp_path, ui, kept, monkeypatch) as (site, _task, failures):
        failures += [
            UnreachableError("No route."),
            WrongSiteError("A page of the hotel."),
            UnreachableError("No name."),
        ]
        site.answers["/api/customer/start"] = (503, {"error": {"code": "", "text": "Starting."}})
        async with asyncio.timeout(60):
            while sum(path == "/api/customer/start" for _, path, _ in site.requests) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert kept.starts, "a second reboot on the way loses nothing"
        assert kept.state.exists()
        assert ui.states[-1] == "The connection is lost. Trying again…"
        prepared(site)
        peer = await site.peer(0)
        await welcome(peer)
        assert not kept.starts
        assert not kept.state.exists(), "the key is nowhere on disk"
        assert site.requests[-1][2]["key"] == public_of(kept.back.way.key).hex()
        assert not ui.offers, "the customer agreed before"


@pytest.mark.parametrize("where", ["info", "start"])
async def test_who_is_refused_on_the_way_back_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    kept = Kept(tmp_path)
    async with returning(tmp_path, ScriptedUi(), kept, monkeypatch) as (site, task, failures):
        failures.append(UnreachableError("No route."))
        site.answers[f"/api/customer/{where}"] = (410, {"error": {"code": "expired", "text": "It has ended."}})
        outcome = await asyncio.wait_for(task, 60)
    assert (outcome.text, outcome.failed, outcome.remove) == ("It has ended.", True, True)
    assert not kept.folder.exists()
    assert not kept.starts


async def test_the_way_back_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path, rest_s=0.3)
    async with returning(tmp_path, ScriptedUi(), kept, monkeypatch) as (_site, task, failures):
        failures += [UnreachableError("No route.")] * 100_000
        outcome = await asyncio.wait_for(task, 60)
    assert (outcome.text, outcome.failed, outcome.remove) == ("No route.", True, True)
    assert not kept.folder.exists()


async def test_a_customer_may_want_it_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ui, kept = ScriptedUi(), Kept(tmp_path)
    async with returning(tmp_path, ui, kept, monkeypatch) as (site, task, failures):
        failures += [UnreachableError("No route.")] * 100_000
        async with asyncio.timeout(60):
            while ui.actions is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.to_thread(ui.actions.end)
        outcome = await asyncio.wait_for(task, 60)
        assert not site.requests
    assert (outcome.text, outcome.remove) == ("You have ended the session.", True)
    assert not kept.folder.exists()


class _Waiting(ScriptedUi):
    """Its main thread stays until the end, as a window's does."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def main(self) -> None:
        self.over.wait(60)

    def show_ended(self, text: str) -> None:
        super().show_ended(text)
        self.over.set()


def test_the_comment_of_the_file_configures_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.pyz"
    config = CustomerConfig(server="https://x", site_key="ab" * 32, join="j")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
        archive.comment = msgspec.json.encode(config)
    assert Package(file, None).customer_config() == config
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"{}"
    with pytest.raises(ClientError, match="download it again"):
        Package(file, None).customer_config()
    file.write_bytes(b"not a zip")
    with pytest.raises(ClientError, match="damaged"):
        Package(file, None).customer_config()
    assert main(["help"]) == 1
    assert "belongs to no session" in capsys.readouterr().err
    assert main(["run", "--state", str(tmp_path / "none")]) == 1
    assert "run `install` first" in capsys.readouterr().err


def test_text_from_outside_is_text() -> None:
    assert printable("a\x1b[2Jb\u202ec") == "a\ufffd[2Jb\ufffdc"
    assert len(printable("x" * 100, 10)) == 10
    entry = Entry(
        seq=1, time_ms=1, id=SESSION_ID, leg=1, party=Party.ENDPOINT, subject="", name="c", kind="shell-opened",
        data={"by": "{evil}\x1b", "shell": 1, "open": 2},
    )  # fmt: skip
    assert describe(entry) == "{evil}\ufffd has opened a Command Shell (2 open)."


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Annehmen", True), ("ZULASSEN", True), ("ja", True), ("yes", True), ("Ablehnen", False), ("no", False)],
)
async def test_the_terminal_takes_the_words_of_the_persons_language(
    word: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {
        "Accept": "Annehmen",
        "Allow": "Zulassen",
        "Decline": "Ablehnen",
        "Deny": "Nein",
        "yes": "Ja",
        "no": "nein",
    }
    monkeypatch.setattr("farhand.agent.customer.terminal._", lambda text: words.get(text, text))
    assert _said(word) is expected
    assert _said("perhaps") is None


async def test_a_terminal_that_cannot_show_a_sign_goes_on() -> None:
    # Bad input: a locale without UTF-8
    source_read, source_write = os.pipe()
    target_read, target_write = os.pipe()
    said: list[str] = []
    with os.fdopen(source_read, encoding="latin-1") as source, os.fdopen(target_write, "w", encoding="ascii") as target:
        ui = TerminalUi(source, target)
        thread = threading.Thread(target=ui.main, daemon=True)
        thread.start()
        try:
            ui.bind(Actions(chat=said.append, end=lambda: None))
            ui.show_line(Line(NOW_MS, "Zoë", "日本"))
            ui.show_state("Waiting…")
            os.write(source_write, "grüß\n".encode("latin-1"))
            async with asyncio.timeout(60):
                while not said:  # noqa: ASYNC110  the other side is a thread
                    await asyncio.sleep(0.01)
        finally:
            ui.close()
            await asyncio.to_thread(thread.join, 5)
            os.close(source_write)
    shown = os.read(target_read, 65_536).decode()
    os.close(target_read)
    assert "Zo?: ??" in shown
    assert "* Waiting?" in shown
    assert said == ["grüß"]


async def test_the_terminal_face_asks_chats_and_ends() -> None:
    source_read, source_write = os.pipe()
    target_read, target_write = os.pipe()
    said: list[str] = []
    with os.fdopen(source_read) as source, os.fdopen(target_write, "w") as target:
        ui = TerminalUi(source, target)
        thread = threading.Thread(target=ui.main, daemon=True)
        thread.start()
        try:
            start = asyncio.ensure_future(ui.ask_start(HelpOffer("Rep", "Desk", "https://x")))
            await asyncio.sleep(0.05)
            os.write(source_write, b"perhaps\naccept\n")
            assert await asyncio.wait_for(start, 60)
            ui.bind(Actions(chat=said.append, end=lambda: said.append("/ended")))
            tool = asyncio.ensure_future(ui.ask_tool(Question("screen", "Rep")))
            await asyncio.sleep(0.05)
            os.write(source_write, b"deny\nhi there\n/end\n")
            assert not await asyncio.wait_for(tool, 60)
            ui.show_line(Line(NOW_MS, "Rep", "yo"))
            async with asyncio.timeout(60):
                while len(said) < 2:  # noqa: ASYNC110  the other side is a thread
                    await asyncio.sleep(0.01)
        finally:
            ui.close()
            await asyncio.to_thread(thread.join, 5)
            os.close(source_write)
    shown = os.read(target_read, 65_536).decode()
    os.close(target_read)
    assert said == ["hi there", "/ended"]
    assert "Rep: yo" in shown
    assert "Type `accept` or `decline`:" in shown
