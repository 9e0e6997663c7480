"""The client file: the same bytes twice, starts with the machine's Python, serves a Jump Client, refuses the rest."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import msgspec
import pytest
from tests.harness.client import build_client
from tests.unit.agent.fake_site import AGENT_ID, SESSION_ID, FakeSite, TlsPair, acknowledge, console, welcome

from farhand.agent.core.package import CustomerConfig
from farhand.agent.platforms.linux.service import systemd_runs
from farhand.agent.unattended import SETTLED_S
from farhand.kit.process import leash
from farhand.protocol.channels import Control, Kind, Shell, channel
from farhand.protocol.messages import Auth, End, Offer, Welcome
from farhand.protocol.shell import ShellOpen

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "tools/build_client.py"


@pytest.fixture(scope="module")
def client() -> Path:
    """The file that the appliance gives out; it is built unless it is newer than its sources."""
    return build_client()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Everything that the client writes goes into the test's folder; it runs without this tree and its packages."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FARHAND_CLIENT_CACHE": str(tmp_path / "cache")}


def python() -> str:
    """The Python below this environment: it sees none of the environment's packages."""
    return str(Path(sysconfig.get_config_var("BINDIR")) / f"python3.{sys.version_info.minor}")


def read(path: str) -> str:
    return Path(path).read_text()


def resident_kb(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+) kB", read(f"/proc/{pid}/status"))[1])


def run(file: Path, environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python(), "-I", file, *map(str, words)], env=environment, cwd="/", capture_output=True, text=True, timeout=60
    )


def test_the_same_inputs_give_the_same_bytes(client: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pyz"
    done = subprocess.run([sys.executable, BUILD, "--output", again], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(again)
    assert again.read_bytes() == client.read_bytes()
    names = zipfile.ZipFile(client).namelist()
    assert not [name for name in names if re.search(r"(^|/)tests?/|\.pyc$", name)]
    assert not [name for name in names if name.startswith(("farhand/web", "farhand/relay"))]


def test_another_python_is_refused_in_one_sentence(client: Path, environment: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.pyz"
    with zipfile.ZipFile(client) as source, zipfile.ZipFile(other, "w") as target:
        suffix = sysconfig.get_config_var("EXT_SUFFIX").encode()
        target.writestr("__main__.py", source.read("__main__.py").replace(suffix, b".cpython-399-vax.so"))
    done = run(other, environment, "version")
    assert done.returncode == 1
    assert re.fullmatch(r"This client file is made for Python .* Please ask for one that fits\.\n", done.stderr)


def test_names_that_lead_elsewhere_are_not_unpacked(client: Path, environment: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pyz"
    with zipfile.ZipFile(client) as source, zipfile.ZipFile(bad, "w") as target:
        target.writestr("__main__.py", source.read("__main__.py"))
        info = zipfile.ZipInfo("lib/../../escaped")
        info.external_attr = 0o100644 << 16
        target.writestr(info, b"x")
    done = run(bad, environment, "version")
    assert (done.returncode, done.stderr) == (1, "This client file is damaged: download it again.\n")


async def test_a_jump_client_from_the_file(client: Path, environment: dict[str, str], tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        site.answers["/api/agent/enrol"] = (200, {"agent_id": AGENT_ID, "credential": "c", "name": "box", "group": "g"})
        install = ["install", "--server", site.url, "--token", "t", "--state", state, "--no-start", "--site-key"]
        wrong = await asyncio.to_thread(run, client, environment, *install, "00" * 32)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("This server is not the site that this client belongs to")
        assert not state.exists()
        done = await asyncio.to_thread(run, client, environment, *install, site.site_key)
        assert (done.returncode, done.stderr) == (0, "")
        process = await asyncio.create_subprocess_exec(
            python(), "-I", client, "run", "--state", state,
            env=environment, cwd="/", stderr=subprocess.PIPE, preexec_fn=leash(),
        )  # fmt: skip
        try:
            link = await site.peer(0)
            auth = msgspec.json.decode(await link.take_control(Control.AUTH), type=Auth)
            assert auth.facts.hostname
            link.control(Control.WELCOME, Welcome())
            await asyncio.sleep(SETTLED_S + 0.5)
            # An idle client has loaded no tool: numpy alone would double it.
            assert "numpy" not in read(f"/proc/{process.pid}/maps")
            assert resident_kb(process.pid) < 55_000
            link.control(Control.OFFER, Offer(session_id=SESSION_ID, ticket="t"))
            leg = await site.peer(1)
            await welcome(leg, console())
            leg.send(Shell.OPEN, channel(Kind.SHELL), msgspec.json.encode(ShellOpen()), leg=2)
            await leg.take(lambda frame: frame.type == Shell.OPENED)
            leg.send(Shell.INPUT, channel(Kind.SHELL, 1), b"echo from-$((1+2))\n", leg=2)
            await leg.take(lambda frame: frame.type == Shell.DATA and b"from-3" in bytes(frame.payload))
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 60) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


@pytest.mark.skipif(systemd_runs(), reason="the test must not install a unit on this machine")
async def test_installed_without_systemd_it_runs_in_the_background_until_it_is_removed(
    client: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        site.answers["/api/agent/enrol"] = (200, {"agent_id": AGENT_ID, "credential": "c", "name": "box", "group": "g"})
        words = ["--server", site.url, "--token", "t", "--state", state, "--site-key", site.site_key]
        done = await asyncio.to_thread(run, client, environment, "install", *words)
        try:
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith(
                "This machine is enrolled as box in g.\nThe Jump Client runs in the background"
            )
            await (await site.peer(0)).take_control(Control.AUTH)
            second = await asyncio.to_thread(run, client, environment, "run", "--state", state)
            assert second.stderr == f"The Jump Client of {state} is running already.\n"
        finally:
            gone = await asyncio.to_thread(run, client, environment, "uninstall", "--state", state)
        assert gone.returncode == 0
        await site.peers[0].wait_gone()
        assert not state.exists()
        assert not list((tmp_path / "cache").iterdir())


async def test_a_customer_run_ends_without_a_trace(
    client: Path, environment: dict[str, str], tmp_path: Path
) -> None:  # R-024 R-253
    mine = tmp_path / "mine.pyz"
    mine.write_bytes(client.read_bytes())  # noqa: ASYNC240
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        config = CustomerConfig(server=site.url, site_key=site.site_key, join="j")
        with zipfile.ZipFile(mine, "a") as archive:
            archive.comment = msgspec.json.encode(config)
        site.answers["/api/customer/info"] = (200, {"representative": "Rep", "site": "Desk", "expires_ms": 1})
        site.answers["/api/customer/start"] = (200, {"session_id": SESSION_ID, "ticket": "t"})
        process = await asyncio.create_subprocess_exec(
            python(), "-I", mine, "help", "--terminal", env=environment, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=leash(),
        )  # fmt: skip
        try:
            await asyncio.wait_for(process.stdout.readuntil(b"Type `accept` or `decline`:"), 60)
            process.stdin.write(b"accept\n")
            peer = await site.peer(0)
            await welcome(peer, console())
            assert len(os.listdir(tmp_path / "cache")) == 1
            process.stdin.write(b"hello\n/end\n")
            acknowledge(peer, await peer.take_post("chat"), 1)
            acknowledge(peer, await peer.take_post("customer-ended"), 2)
            await peer.take_control(Control.LEAVE)
            peer.control(Control.END, End(reason="left", text="Bye.", uninstall=True))
            shown, _errors = await asyncio.wait_for(process.communicate(), 60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    assert process.returncode == 0
    assert b"Bye." in shown
    assert not mine.exists()
    assert not list((tmp_path / "cache").iterdir())


def test_without_a_display_and_a_terminal_it_says_so(client: Path, environment: dict[str, str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.pyz"
    mine.write_bytes(client.read_bytes())
    config = CustomerConfig(server="https://127.0.0.1:1", site_key="ab" * 32, join="j")
    with zipfile.ZipFile(mine, "a") as archive:
        archive.comment = msgspec.json.encode(config)
    done = run(mine, environment)
    assert done.returncode == 1
    assert done.stderr.startswith("There is no way to ask you: no window can be opened (")
