"""The worker: journals are imported once, links applied, what is due is done; a killed one harms nothing."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.unit.web.conftest import Bus
from tests.unit.web.support.helpers import jumped, waiting

from farhand.kit.bus import BusServer
from farhand.kit.process import leash
from farhand.protocol import bus as messages
from farhand.protocol.channels import Party
from farhand.protocol.journal import encode_entry
from farhand.protocol.messages import Entry
from farhand.web.appliance import keys
from farhand.web.events.models import AuditRow
from farhand.web.portals import services as portals
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.support import services
from farhand.web.support.models import RelaySeen, Session, SessionEvent
from farhand.web.worker import journals
from farhand.web.worker.main import SETTLE_S, STATE_S, Worker
from farhand.web.worker.policy import allowed_hosts, build_policy

ROOT = Path(__file__).resolve().parents[4]
RELAY_ID = "00000000-0000-7000-8000-000000000001"

# The program under test has a data folder, and so a SQLite file, of its own, whatever database the other tests use.
OWN_DATABASE = {name: value for name, value in os.environ.items() if name != "FARHAND_DATABASE_URL"}


def entry(seq: int, kind: str = "chat", *, leg: int = 1, text: str = "hello") -> Entry:
    """A journal entry."""
    ident = f"{seq:036d}"
    return Entry(
        seq=seq, time_ms=seq, id=ident, leg=leg, party=Party.ENDPOINT, subject="x", name="C", kind=kind, text=text
    )


def write(session_id: str, *entries: Entry, tail: bytes = b"") -> Path:
    """Append to a journal as the relay does."""
    journals.folder().mkdir(parents=True, exist_ok=True)
    path = journals.folder() / f"{session_id}.fhj"
    with path.open("ab") as file:
        file.write(b"".join(encode_entry(one) for one in entries) + tail)
    return path


@pytest.mark.django_db
def test_journals_are_imported_once_and_from_where_they_ended(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    path = write(session_id, *(entry(seq) for seq in range(1, 1201)))
    assert journals.sweep({session_id: 1200}) == 1200
    assert journals.sweep({session_id: 1200}) == 0
    assert Session.objects.get(id=session_id).journal_offset == path.stat().st_size
    write(session_id, entry(1201), tail=b"\x40\x00\x00\x00cut")
    assert journals.import_journal(session_id, 1201) == 1
    assert journals.sweep({session_id: 1202}) == 0  # the cut tail was never acknowledged
    # a database that was restored from an older copy starts again from an older offset
    Session.objects.filter(id=session_id).update(journal_offset=0)
    assert journals.import_journal(session_id, 1201) == 0
    assert SessionEvent.objects.filter(source="relay").count() == 1201


@pytest.mark.django_db
def test_journals_that_belong_to_nobody(claimed: None) -> None:
    write("0199a000-0000-7000-8000-000000000001", entry(1))
    write("..not-an-id", entry(1))
    assert journals.sweep({"0199a000-0000-7000-8000-000000000001": 1}) == 0
    assert journals.import_journal("../../etc/passwd", 1) == 0
    assert journals.import_journal("0199a000-0000-7000-8000-000000000001", 1) == 0


@pytest.mark.django_db
def test_what_the_relay_has_not_acknowledged_is_not_imported(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    path = write(session_id, *(entry(seq) for seq in range(1, 4)))
    assert journals.sweep({}) == 0  # the relay has not said anything of this living session yet
    assert journals.sweep({session_id: 2}) == 2
    assert journals.import_journal(session_id, 2) == 0
    # the machine lost its power: the third entry was never on disk, and its number is given to another one
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3 * 2])
    write(session_id, entry(3, text="after"))
    assert journals.import_journal(session_id, 3) == 1
    assert SessionEvent.objects.get(source="relay", seq=3).text == "after"
    write(session_id, entry(4))
    Session.objects.filter(id=session_id).update(state="ended")
    assert journals.sweep({session_id: 3}) == 0
    assert journals.sweep({}) == 1  # over and not the relay's any more: the whole file counts


@pytest.mark.django_db
def test_a_journal_that_became_shorter_is_read_anew_once(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    path = write(session_id, *(entry(seq) for seq in range(1, 4)))
    assert journals.sweep({session_id: 3}) == 3
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with capture_logs() as lines:
        for _ in range(3):
            assert journals.sweep({session_id: 3}) == 0
        assert Session.objects.get(id=session_id).journal_offset == path.stat().st_size
        write(session_id, entry(4))
        assert journals.sweep({session_id: 4}) == 1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["journal_shrunk"]
    path.write_bytes(b"")
    with capture_logs() as lines:
        for _ in range(3):
            assert journals.sweep({session_id: 4}) == 0
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["journal_shrunk"]


@pytest.mark.django_db
def test_a_connection_is_told_everything(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    worker = Worker(relay_bus)
    relay_bus.sent.clear()
    worker.connected()
    policy, sessions = relay_bus.sent
    assert policy.claimed
    assert policy.issuer_keys == [keys.issuer_public()]
    assert policy.site_keys == [keys.site_public()]
    assert [one.session_id for one in sessions.sessions] == [session_id]
    assert sessions.sessions[0].recording is None


@pytest.mark.django_db
def test_before_the_claim_the_policy_has_no_keys(db: None) -> None:
    policy = build_policy(0)
    assert (policy.claimed, policy.issuer_keys, policy.site_keys, policy.statement) == (False, [], [], "")


@pytest.mark.django_db
def test_allowed_hosts(settings: Any) -> None:
    settings.FARHAND_PUBLIC_URL = "https://Support.example:8443"
    assert allowed_hosts() == ["support.example", "localhost", "127.0.0.1", "::1"]
    portals.create_portal(SYSTEM, fields=portals.Fields(name="Help", hosts=["help.example"], languages=["en"]))
    assert allowed_hosts() == ["support.example", "help.example", "localhost", "127.0.0.1", "::1"]
    settings.FARHAND_PUBLIC_URL = "https://localhost:8443"
    assert allowed_hosts() == ["*"]


@pytest.mark.django_db
def test_messages_of_the_relay(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    write(session_id, entry(1, "leg-joined", leg=1))
    worker = Worker(relay_bus)
    worker.handle(
        [
            messages.Links(relay_id=RELAY_ID, links=[]),
            messages.LegUp(session_id=session_id, leg=2),
            messages.LegUp(session_id=session_id, leg=77),
            messages.LegDown(session_id="0199a000-0000-7000-8000-000000000001", leg=1),
            messages.NeedKeys(session_id=session_id, relay_id=RELAY_ID),
            messages.Journaled(session_id=session_id, seq=1),
        ]
    )
    session = Session.objects.get(id=session_id)
    assert session.customer_connected
    assert session.consoles_gone_ms is None
    assert session.segments.count() == 2
    assert RelaySeen.objects.get().relay_id == RELAY_ID
    worker.handle([messages.LegDown(session_id=session_id, leg=2)])
    Session.objects.filter(id=session_id).update(consoles_gone_ms=1)
    worker.tick(0.0)
    assert Session.objects.get(id=session_id).state == "active"  # the relay may still be telling who is there
    worker.tick(SETTLE_S)
    assert Session.objects.get(id=session_id).state == "waiting"


@pytest.mark.django_db
def test_nobody_counts_as_lost_before_the_relay_has_said_who_is_there(
    rep: Actor, anonymous: Actor, relay_bus: Bus
) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    Session.objects.filter(id=session_id).update(customer_gone_ms=1)
    worker = Worker(relay_bus)
    worker.connected()
    for second in range(5):
        worker.tick(float(second))
    assert Session.objects.get(id=session_id).state == "waiting"
    worker.handle([messages.Links(relay_id=RELAY_ID, links=[])])
    worker.tick(10.0)
    worker.tick(10.0 + SETTLE_S)
    session = Session.objects.get(id=session_id)
    assert (session.state, session.end_reason) == ("ended", "customer-lost")


@pytest.mark.django_db
def test_living_sessions_are_told_again_with_fresh_tickets(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    jumped(rep, anonymous)
    worker = Worker(relay_bus)
    worker.tick(0.0)
    assert not [one for one in relay_bus.sent if isinstance(one, messages.Sessions)]  # nobody is connected yet
    worker.connected()
    for second in (1.0, STATE_S, STATE_S + 1.0, STATE_S + 2.0, 2 * STATE_S + 3.0):
        worker.tick(second)
    first, again, third = [one for one in relay_bus.sent if isinstance(one, messages.Sessions)]
    tickets = {one.sessions[0].offer_ticket for one in (first, again, third)}
    assert len(tickets) == 3
    assert first.read_ms <= again.read_ms <= third.read_ms


@pytest.mark.django_db
def test_a_quiet_worker_leaves_no_trace(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    worker = Worker(relay_bus)
    worker.connected()
    worker.handle([messages.Links(relay_id=RELAY_ID, links=[]), messages.LegUp(session_id=session_id, leg=1)])
    rows = AuditRow.objects.count()
    with capture_logs() as lines:
        for second in range(0, 1300, 100):
            worker.tick(float(second))
            worker.handle([messages.Links(relay_id=RELAY_ID, links=[])])
            worker.handle([messages.LegUp(session_id=session_id, leg=1)])
        write(session_id, entry(1), entry(2))
        assert journals.sweep({session_id: 2}) == 2
    assert AuditRow.objects.count() == rows
    assert [line for line in lines if line["log_level"] != "debug"] == []


@pytest.mark.django_db
def test_a_step_that_fails_does_not_stop_the_others(
    rep: Actor, anonymous: Actor, relay_bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    write(session_id, entry(1))

    def broken() -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr("farhand.web.events.services.publish_pending", broken)
    worker = Worker(relay_bus)
    worker.handle([messages.Journaled(session_id=session_id, seq=1)])
    worker.tick(0.0)
    assert SessionEvent.objects.filter(source="relay").count() == 1


class Relay:
    """The relay's side of the bus, and a worker program beside it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.kept: list[Any] = []
        self.server = BusServer(data / "run" / "bus.sock", messages.ToRelay, self.got.put_nowait, lambda peer: None)
        self.worker: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> None:
        """Start the program."""
        code = "import sys; from pathlib import Path; from farhand.web.worker.main import run; run(Path(sys.argv[1]))"
        environment = OWN_DATABASE | {"FARHAND_PUBLIC_URL": "https://support.example"}
        self.worker = subprocess.Popen(
            [sys.executable, "-c", code, str(self.data)], cwd=ROOT, env=environment, preexec_fn=leash()
        )

    async def wait_for(self, kind: type[Any]) -> Any:
        """The next message of a kind; others wait for whoever asks for them."""
        for message in self.kept:
            if isinstance(message, kind):
                self.kept.remove(message)
                return message
        while True:
            message = await asyncio.wait_for(self.got.get(), 60)
            if isinstance(message, kind):
                return message
            self.kept.append(message)


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """A claimed data folder at `tmp_path`."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.unit.web.worker.make_site", str(tmp_path)],
        env=OWN_DATABASE,
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    ids: dict[str, str] = json.loads(made.stdout.splitlines()[-1])
    return ids


async def test_the_program_survives_its_own_death(tmp_path: Path, site: dict[str, str]) -> None:
    ids = site
    relay = Relay(tmp_path)
    await relay.server.start()
    try:
        relay.start_worker()
        policy = await relay.wait_for(messages.Policy)
        assert policy.claimed
        assert policy.hosts[0] == "support.example"
        assert [one.session_id for one in (await relay.wait_for(messages.Sessions)).sessions] == [ids["session"]]
        await relay.wait_for(messages.Publish)  # what was stored while no relay was there
        from farhand.protocol.messages import Facts

        link = messages.LinkUp(
            agent_id=ids["agent"], version="0.1", public_ip="192.0.2.1", since_ms=5, facts=Facts(hostname="h")
        )
        relay.server.broadcast(messages.Links(relay_id=RELAY_ID, links=[link]))
        event = await _event(relay, "jump_items", "active")
        assert relay.worker is not None
        relay.worker.kill()
        relay.worker.wait()
        relay.start_worker()
        await relay.wait_for(messages.Sessions)
        relay.server.broadcast(messages.LinkDown(agent_id=ids["agent"], at_ms=9))
        again = await _event(relay, "jump_items", "offline")
        assert (again.value["status_since_ms"], again.n) == (9, event.n + 1)
        relay.worker.terminate()
        assert relay.worker.wait(timeout=60) == 0
    finally:
        if relay.worker is not None:
            relay.worker.kill()
            relay.worker.wait()
        relay.server.close()


async def _event(relay: Relay, collection: str, status: str) -> Any:
    while True:
        for event in (await relay.wait_for(messages.Publish)).events:
            if event.collection == collection and event.value["status"] == status:
                return event


@pytest.mark.django_db
def test_a_nul_in_a_journal_is_replaced_and_stops_nobody(rep: Actor, anonymous: Actor) -> None:
    # Bad input: PostgreSQL keeps no NUL; a journal of before may hold one
    session_id, _endpoint = waiting(rep, anonymous)
    bad = msgspec.structs.replace(entry(1, text="a\0b"), name="n\0", subject="s\0", data={"k\0": "v\0", "open": 1})
    write(session_id, bad, entry(2))
    assert journals.sweep({session_id: 2}) == 2
    row = SessionEvent.objects.get(source="relay", seq=1)
    assert (row.text, row.name, row.subject) == ("a\ufffdb", "n\ufffd", "s\ufffd")
    assert row.data == {"k\ufffd": "v\ufffd", "open": 1}


@pytest.mark.django_db
def test_a_journal_that_cannot_be_imported_does_not_stop_the_others(
    rep: Actor, anonymous: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad, _), (good, _) = waiting(rep, anonymous), waiting(rep, anonymous)
    for session_id in (bad, good):
        write(session_id, entry(1))
    real = journals.import_journal

    def fails(session_id: str, durable: int) -> int:
        if session_id == bad:
            raise ValueError("poison")
        return real(session_id, durable)

    monkeypatch.setattr(journals, "import_journal", fails)
    with capture_logs() as lines:
        assert journals.sweep({bad: 1, good: 1}) == 1
    assert [line["session"] for line in lines if line["event"] == "journal_not_imported"] == [bad]


@pytest.mark.django_db
def test_entries_behind_damage_are_imported_also_after_the_relay_mended_the_file(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    path = write(session_id, *(entry(seq) for seq in range(1, 5)))
    assert journals.sweep({session_id: 4}) == 4
    records = [encode_entry(entry(seq)) for seq in range(1, 7)]
    path.write_bytes(b"".join([*records[:4], b"\0" * len(records[4]), records[5]]))
    assert journals.sweep({session_id: 6}) == 1  # damaged, not mended yet
    path.write_bytes(b"".join([records[0], *records[2:4], *(encode_entry(entry(seq)) for seq in range(6, 9))]))
    assert journals.sweep({session_id: 8}) == 2  # entry 2 was lost: all that follows has moved
    wanted = [1, 2, 3, 4, 6, 7, 8]
    assert sorted(SessionEvent.objects.filter(source="relay").values_list("seq", flat=True)) == wanted
    assert journals.sweep({session_id: 8}) == 0
