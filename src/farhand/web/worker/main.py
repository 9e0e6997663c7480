"""The worker's loop: it tells the relay its policy and sessions, brings back what the relay saw, and sweeps up.

State wins over messages: at every (re)connection all is sent again and the answer applied; journals are imported from
their files. What else comes round, and what follows from a message, the areas register in `farhand.web.project.work`.
So everything here may be killed, repeated or come late. Rules: one thread works; a step that fails is logged and tried
again at the next tick, the others go on.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from farhand.kit.log import configure_log, get_log
from farhand.kit.stop import Stop
from farhand.protocol.bus import FromRelay, Journaled, LinkDown, Links, LinkUp, Policy

log = get_log("worker")

TICK_S: Final = 1.0
SWEEP_S: Final = 30.0
POLICY_S: Final = 1.0
STATE_S: Final = 3600.0
"""All living sessions are told again this often: their endpoints' tickets (24 h) never grow old at the relay, and a
message that was lost heals."""
SETTLE_S: Final = 2.0
"""After the relay's list of links comes its list of legs: nobody counts as lost before that was applied."""
BATCH: Final = 1000
"""Messages that are taken together; a storm of links becomes a few transactions."""


class Worker:
    """Applies messages of the relay and does what is due. `connected` marks a fresh connection."""

    def __init__(self, publish: Callable[[Any], bool]) -> None:
        self._publish = publish
        self._policy: Policy | None = None
        self._due: dict[str, float] = {}
        self._connected = False
        self._heard = False
        """The relay has said who is there."""
        self._durable: dict[str, int] = {}
        """How far journals are on disk, as the relay said."""

    def connected(self) -> None:
        """A connection to the relay stands: tell it everything."""
        from farhand.web.project.service import now_ms
        from farhand.web.worker.policy import build_policy, build_sessions

        self._connected = True
        self._heard = False
        self._due.pop("settled", None)
        self._policy = build_policy(now_ms())
        self._publish(self._policy)
        self._publish(build_sessions(now_ms()))
        log.info("relay_told", claimed=self._policy.claimed)

    def handle(self, messages: Iterable[Any]) -> None:
        """Apply messages in order; runs of links become one change, a journal is imported once."""
        links: dict[str, LinkUp | LinkDown] = {}
        journals: dict[str, None] = {}
        for message in messages:
            if isinstance(message, LinkUp | LinkDown):
                links[message.agent_id] = message
            elif isinstance(message, Journaled):
                journals[message.session_id] = None
                self._durable[message.session_id] = max(message.seq, self._durable.get(message.session_id, 0))
            else:
                self._apply_links(links)
                self._step("message", lambda message=message: self._one(message))  # type: ignore[misc]
        self._apply_links(links)
        for session_id in journals:
            self._import(session_id)

    def tick(self, monotonic: float) -> None:
        """Do what is due at this time (seconds on a monotonic clock)."""
        from farhand.web.project.service import now_ms
        from farhand.web.project.work import steps
        from farhand.web.worker import journals
        from farhand.web.worker.policy import build_sessions

        settled = self._heard and self._is_due("settled", monotonic, 0.0, first=SETTLE_S)
        for step in steps():
            if (settled or not step.settled) and self._is_due(f"step {step.name}", monotonic, step.every_s):
                self._step(step.name, step.run)
        if self._connected and self._is_due("state", monotonic, STATE_S, first=STATE_S):
            self._step("state", lambda: self._publish(build_sessions(now_ms())))
        if self._is_due("policy", monotonic, POLICY_S):
            self._step("policy", self._tell_policy)
        if self._is_due("journals", monotonic, SWEEP_S):
            self._step("journals", lambda: journals.sweep(self._durable))

    def _one(self, message: Any) -> None:
        from farhand.web.project.work import handlers
        from farhand.web.worker import journals

        if isinstance(message, Links):
            self._durable = dict(message.journals)
            journals.sweep(self._durable)
        for handle in handlers(type(message)):
            handle(message)
        if isinstance(message, Links):
            self._heard = True

    def _apply_links(self, links: dict[str, LinkUp | LinkDown]) -> None:
        from farhand.web.jump.worker_services import apply_links
        from farhand.web.project.service import SYSTEM

        if not links:
            return
        up = [link for link in links.values() if isinstance(link, LinkUp)]
        down = [(link.agent_id, link.at_ms) for link in links.values() if isinstance(link, LinkDown)]
        links.clear()
        self._step("links", lambda: apply_links(SYSTEM, up=up, down=down))

    def _import(self, session_id: str) -> None:
        from farhand.web.worker.journals import import_journal

        self._step("journal", lambda: import_journal(session_id, self._durable.get(session_id, 0)))

    def _tell_policy(self) -> None:
        from farhand.web.project.service import now_ms
        from farhand.web.worker.policy import build_policy

        policy = build_policy(now_ms())
        if self._connected and policy != self._policy and self._publish(policy):
            self._policy = policy
            log.info("policy_told", claimed=policy.claimed)

    def _is_due(self, name: str, monotonic: float, every: float, *, first: float = 0.0) -> bool:
        """Say whether a step is due, which then is not so for `every` seconds; not in the `first` ones either."""
        if monotonic < self._due.setdefault(name, monotonic + first):
            return False
        self._due[name] = monotonic + every
        return True

    def _step(self, name: str, function: Callable[[], Any]) -> None:
        from django.db import Error as DatabaseError
        from django.db import close_old_connections

        try:
            function()
        except Exception as error:  # noqa: BLE001 - the loop must go on; the step comes again
            log.error("worker_step_failed", step=name, error=f"{type(error).__name__}: {error}")
            if isinstance(error, DatabaseError):
                close_old_connections()


def run(data: Path) -> None:
    """Work until SIGTERM or SIGINT. `prepare` has been run for this folder."""
    configure_log("worker")
    from farhand.web.project.prepare import set_up

    set_up(data)
    from farhand.kit.bus import BusClient
    from farhand.web.project import bus

    stop = Stop()
    stop.on_signals()
    client = BusClient(data / "run" / "bus.sock", FromRelay)
    bus.use(client.publish)
    inbox: queue.Queue[Any] = queue.Queue(maxsize=100_000)
    reader = threading.Thread(target=_read, args=(client, inbox), name="relay-messages", daemon=True)
    reader.start()
    log.info("worker_starts")
    try:
        loop(Worker(client.publish), inbox, stop)
    finally:
        client.close()
    log.info("worker_stopped")


def loop(worker: Worker, inbox: "queue.Queue[Any]", stop: Stop) -> None:
    """Take messages and tick until `stop` is set."""
    from farhand.kit.bus import Connected

    next_tick = time.monotonic()
    while not stop.is_set():
        batch = _take(inbox, max(0.0, next_tick - time.monotonic()))
        start = 0
        for index, message in enumerate(batch):
            if isinstance(message, Connected):
                worker.handle(batch[start:index])
                worker._step("connected", worker.connected)
                start = index + 1
        worker.handle(batch[start:])
        if time.monotonic() >= next_tick:
            worker.tick(time.monotonic())
            next_tick = time.monotonic() + TICK_S


def _take(inbox: "queue.Queue[Any]", wait_s: float) -> list[Any]:
    batch: list[Any] = []
    try:
        batch.append(inbox.get(timeout=min(wait_s, TICK_S)) if wait_s else inbox.get_nowait())
        while len(batch) < BATCH:
            batch.append(inbox.get_nowait())
    except queue.Empty:
        pass
    return batch


def _read(client: Any, inbox: "queue.Queue[Any]") -> None:
    for message in client.subscribe():
        inbox.put(message)
