"""Console: bytes as transferred and requests of its first load, seen by a Chromium with an empty cache after sign-
in."""

import json
from pathlib import Path
from typing import Any

from tests.bench import rig
from tests.bench.stage import Stage
from tests.bench.table import Row

BUILT = Path(__file__).resolve().parents[2] / "src" / "farhand" / "web" / "static" / "built"
ENTRY = "console/src/main.ts"
RUNS = 3
QUIET_MS = 800


def static_kb() -> float:
    """Compressed kB of what the manifest says that the console's entry needs (its own code, imports, styles)."""
    manifest: dict[str, dict[str, Any]] = json.loads((BUILT / "manifest.json").read_text())
    files: set[str] = set()

    def add(name: str) -> None:
        item = manifest[name]
        files.update([item["file"], *item.get("css", [])])
        for other in item.get("imports", []):
            add(other)

    add(ENTRY)
    sizes = [min(path.stat().st_size for path in BUILT.glob(f"{name}*")) for name in files]
    return sum(sizes) / 1000


def measure() -> list[Row]:
    """Sign in, open /console in a fresh context, wait until it shows itself and the network is quiet."""
    sizes, counts = [], []
    with Stage() as stage:
        running = rig.appliance(stage)
        engine = rig.browser(stage)
        for _ in range(RUNS):
            context = rig.representative(engine, running)
            page = context.new_page()
            network = context.new_cdp_session(page)
            got: dict[str, float] = {}
            network.on("Network.requestWillBeSent", lambda event, got=got: got.setdefault(event["requestId"], 0.0))
            network.on(
                "Network.loadingFinished",
                lambda event, got=got: got.__setitem__(event["requestId"], event["encodedDataLength"]),
            )
            network.send("Network.enable")
            page.goto("/console")
            page.get_by_role("button", name="Start New Session").first.wait_for()
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(QUIET_MS)
            sizes.append(sum(got.values()) / 1000)
            counts.append(float(len(got)))
            context.close()
    note = f"By the build's manifest its code and styles are {static_kb():.0f} kB compressed."
    return [
        Row("console.bytes", "console, first load, as transferred", sizes, "kB", "", note),
        Row("console.requests", "console, first load, requests", counts, "requests"),
    ]
