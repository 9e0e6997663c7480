"""Console: how soon what one representative does is seen in another's browser, and how long a page is held up while 200
sessions wait in 20 queues. A whole appliance and a Chromium; the customers are rows that a program of the machine's
owner made.
"""

import json
import os
import random
import subprocess
import sys
import time
from typing import Any

from playwright.sync_api import Page
from tests.bench import rig
from tests.bench.stage import Stage
from tests.bench.table import Row, percentile
from tests.bench.tasks import task_cpu
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.claimed import sign_in
from tests.harness.console import Console

QUEUES = 20
SESSIONS = 200
MOVES = 60
GAP_S = 0.15
SEED = """
import json, os, sys
from pathlib import Path
from farhand.web.project.prepare import set_up
set_up(Path(os.environ["FARHAND_DATA"]))
from farhand.kit import signing
from farhand.protocol.messages import Facts
from farhand.rules.access import Subject
from farhand.web.accounts import teams
from farhand.web.accounts.models import User
from farhand.web.accounts.queries import subject_of
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.support import collaboration, key_services, services
user = User.objects.get()
queues = [teams.create_team(SYSTEM, name=f"Desk {number:02}").id for number in range(int(sys.argv[1]))]
for team in queues:
    teams.set_members(SYSTEM, team_id=team, members={user.id: "lead"})
rep = Actor(subject=subject_of(user), name=user.display_name, user=user, source_ip="192.0.2.1")
made = []
for number in range(int(sys.argv[2])):
    visitor = Actor(subject=Subject(kind="anonymous"), name="", source_ip=f"198.51.{number // 250}.{number % 250 + 1}")
    used = key_services.use_session_key(visitor, key=key_services.create_session_key(rep).shown)
    key = signing.new_key()
    ticket = services.start_customer(
        visitor, join=used.join, key=signing.public_of(key).hex(),
        proof=signing.sign_bytes(key, "join", used.join.encode()).hex(),
        facts=Facts(hostname=f"pc-{number:03}", platform="linux", os_name="Debian 12", user=f"customer {number:03}"),
    )
    collaboration.transfer(rep, session_id=ticket.session_id, target=f"team:{queues[number % len(queues)]}")
    made.append(ticket.session_id)
print(json.dumps({"queues": queues, "sessions": made}))
"""
WATCH = """() => {
  const seen = window.fhQueues = {tasks: [], changes: []};
  new PerformanceObserver(list => seen.tasks.push(...list.getEntries().map(one => one.duration)))
    .observe({type: "longtask", buffered: true});
  new MutationObserver(() => seen.changes.push(performance.timeOrigin + performance.now()))
    .observe(document.querySelector("nav[aria-label=Queues]"), {subtree: true, childList: true, characterData: true});
}"""


def seed(running: Appliance) -> dict[str, list[str]]:
    """Make the teams and the customers who wait; their ids."""
    done = subprocess.run(
        [sys.executable, "-c", SEED, str(QUEUES), str(SESSIONS)],
        env={**os.environ, "FARHAND_DATA": str(running.data), "FARHAND_PORT": str(running.port)},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError("no sessions: " + done.stderr.strip()[-300:])
    made: dict[str, list[str]] = json.loads(done.stdout.strip().splitlines()[-1])
    return made


def _move(page: Page, console: Console, made: dict[str, list[str]]) -> list[float]:
    """Move sessions between queues, one after the other; ms from each request to the change of the other's page."""
    chance = random.Random(7)
    took = []
    for number in range(MOVES):
        session = made["sessions"][number]
        here = made["queues"][number % QUEUES]
        there = chance.choice([queue for queue in made["queues"] if queue != here])
        at = time.time() * 1000
        console.post(f"sessions/{session}/transfer", {"target": f"team:{there}"})
        page.wait_for_timeout(GAP_S * 1000)
        changes: list[float] = page.evaluate("fhQueues.changes.splice(0)")
        later = [one for one in changes if one > at]
        if not later:
            raise RuntimeError("a move was not seen in the other browser")
        took.append(later[0] - at)
    return took


def measure() -> list[Row]:
    """Open the page on it, look into each queue, let somebody else move sessions."""
    with Stage() as stage:
        running = rig.appliance(stage)
        made = seed(running)
        console = Console(sign_in(running, ADMIN["username"], ADMIN["password"]))
        engine = rig.browser(stage)
        page = rig.representative(engine, running).new_page()
        engine.start_tracing(page=page, categories=["toplevel"])
        page.goto("/console")
        page.get_by_role("navigation", name="Queues").get_by_role("button", name="Desk 00").wait_for()
        page.evaluate(WATCH)
        for number in range(QUEUES):
            page.get_by_role("navigation", name="Queues").get_by_role("button", name=f"Desk {number:02}").click()
            page.get_by_role("button", name=f"customer {number:03}").first.wait_for()
        looked: dict[str, Any] = page.evaluate("fhQueues")
        page.evaluate("fhQueues.changes = []")
        took = _move(page, console, made)
        tasks: list[float] = page.evaluate("fhQueues.tasks")
        cpu = task_cpu(engine.stop_tracing())
    what = f"{SESSIONS} sessions in {QUEUES} queues"
    return [
        Row("queues.event_p95", "a moved session, until another browser shows it, p95", [percentile(took, 0.95)], "ms"),
        Row("queues.event_p50", "same, p50", [percentile(took, 0.5)], "ms"),
        Row("queues.task_cpu", f"{what}: CPU of the page's task that used most", [cpu], "ms"),
        Row(
            "queues.task", "same, longest task by the clock", [max(tasks, default=0.0)], "ms", "",
            f"{len(looked['tasks'])} tasks of 50 ms and more in loading and in looking into each queue, "
            f"{len(tasks) - len(looked['tasks'])} while sessions were moved.",
        ),
    ]  # fmt: skip
