"""A real agent, linked with a credential that the bench minted: shell echo through it, its memory and CPU when idle."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench import desktop, procs
from tests.bench.load import Load
from tests.bench.relay import BenchRelay, HostedSession
from tests.bench.stage import Stage, live
from tests.bench.table import Row, percentile

from farhand.agent.core.identity import Identity, IdentityStore
from farhand.kit import signing
from farhand.kit.ids import new_id

TRIPS = 300
RUNS = 3
GAP_S = 0.01
IDLE_S = 20.0
SETTLE_S = 4.0


class Agent:
    """One Jump Client as a program, with a state folder of its own."""

    def __init__(self, stage: Stage, relay: BenchRelay, screen: str | None) -> None:
        self.id = new_id()
        state = stage.folder / "agent"
        store = IdentityStore(state)
        self.key = signing.public_of(store.make_key())
        site_key = signing.public_of(relay.site).hex()
        credential = relay.credential(self.id, self.key)
        store.save(Identity(server=relay.url, site_key=site_key, agent_id=self.id, credential=credential))
        environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "XAUTHORITY")}
        self._log = (stage.folder / "agent.log").open("wb")
        arguments = [sys.executable, "-m", "farhand.agent", "run", "--state", str(state)]
        if screen is not None:
            arguments += ["--display", screen]
        self._process: subprocess.Popen[bytes] = procs.start(
            arguments, env=environment, stdout=self._log, stderr=self._log
        )
        stage.later(self.stop)
        self._wait_for_link(relay, Path(self._log.name))

    def _wait_for_link(self, relay: BenchRelay, log: Path) -> None:
        deadline = time.monotonic() + 20
        while self.id not in relay.log.read_text(errors="replace"):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the agent did not link: " + log.read_text(errors="replace")[-300:])
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The agent's process; the shells that it runs are processes of their own."""
        return self._process.pid

    def session(self, relay: BenchRelay) -> HostedSession:
        """A session that is offered to this agent."""
        session = HostedSession(relay, record=False, subject=f"agent:{self.id}", key=self.key.hex())
        session.offer_to = self.id
        return session.put()

    def stop(self) -> None:
        """End it."""
        procs.stop(self._process)
        self._log.close()


def _idle(agent: Agent, seconds: float) -> float:
    """CPU of the agent in per cent of a core."""
    before = procs.cpu_s(agent.pid)
    time.sleep(seconds)
    return (procs.cpu_s(agent.pid) - before) / seconds * 100


def _shared(agent: Agent, viewer: Load) -> list[Row]:
    """Rows of the agent while it shares an idle screen; a line that says why when it does not."""
    what = "agent CPU, sharing an idle 1080p screen"
    try:
        viewer.ask(do="watch")
    except RuntimeError as error:
        return [Row("agent.cpu_shared", what, [], "% of a core", "", f"The screen did not start: {error}.")]
    time.sleep(SETTLE_S)
    before = viewer.ask(do="count")
    cpu = _idle(agent, IDLE_S)
    after = viewer.ask(do="count")
    note = f"{after['updates'] - before['updates']} screen updates were sent in these {IDLE_S:.0f} s."
    return [
        Row("agent.cpu_shared", what, [cpu], "% of a core", "", note),
        Row("agent.rss_shared", "agent memory, sharing it (RSS)", [procs.rss_kb(agent.pid) / 1024], "MB"),
    ]


def measure() -> list[Row]:
    """Linked only, then a shell, then sharing an idle 1080p screen."""
    with Stage() as stage:
        screen = desktop.display(stage)
        relay = stage.relay()
        agent = Agent(stage, relay, screen)
        time.sleep(2)
        linked_cpu = _idle(agent, IDLE_S)
        linked_rss = procs.rss_kb(agent.pid) / 1024
        session = agent.session(relay)
        viewer = stage.load("viewer", url=live(relay), ticket=session.ticket(2), origin=relay.url, leg=2)
        viewer.ask(do="shell")
        runs = [viewer.ask(do="type", n=TRIPS, gap_s=GAP_S)["trips"] for _ in range(RUNS)]
        shared = _shared(agent, viewer)
    return [
        Row("shell.agent_p50", "shell echo through a real agent, p50", [percentile(r, 0.5) * 1000 for r in runs], "ms"),
        Row("shell.agent_p99", "same, p99", [percentile(r, 0.99) * 1000 for r in runs], "ms"),
        Row("agent.rss", "agent memory, linked only (RSS)", [linked_rss], "MB"),
        Row("agent.cpu", "agent CPU, linked only", [linked_cpu], "% of a core"),
        *shared,
    ]
