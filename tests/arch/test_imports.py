"""The import contracts of pyproject.toml bite: a wrong import in a scratch copy of the house is refused."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from farhand.web.project.areas import AREAS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "web", "relay", "agent", "rules", "protocol", "recording", "kit")
ROOMS = (
    *("relay/door", "relay/live"),
    *("agent/core", "agent/platforms", "agent/tools"),
    *(
        f"agent/tools/{name}"
        for name in ("screen", "input", "shell", "actions", "scripts", "deploy", "files", "clipboard")
    ),
)
"""Packages below that a contract names."""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty house: every top-level package, and the project's own contracts."""
    for package in ("", *PACKAGES, *ROOMS):
        folder = tmp_path / "farhand" / package
        folder.mkdir()
        (folder / "__init__.py").write_text("")
    write(tmp_path, "web/project/__init__.py", "")
    for area in set(AREAS) - {"reports"}:
        write(tmp_path, f"web/{area}/models.py", "")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for ignored in [one for contract in contracts for one in contract.get("ignore_imports", [])]:
        importer, _, imported = ignored.partition(" -> ")
        write(tmp_path, importer.removeprefix("farhand.").replace(".", "/") + ".py", f"import {imported}\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def write(house: Path, module: str, text: str) -> None:
    """Writes a module of the scratch house, and the packages above it."""
    path = house / "farhand" / module
    for folder in (path.parent, path.parent.parent):
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    with path.open("a") as file:
        file.write(text)


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter in the scratch house."""
    command = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [command, "--no-cache"], cwd=house, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(house)}
    )


def test_an_empty_house_keeps_every_contract(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("kit/bad.py", "import farhand.protocol"),
        ("protocol/bad.py", "import farhand.rules"),
        ("protocol/bad.py", "import farhand.recording"),
        ("rules/bad.py", "import farhand.relay"),
        ("relay/bad.py", "import farhand.web"),
        ("agent/texts.py", "import farhand.relay"),
        ("rules/bad.py", "import django.db"),
        ("protocol/bad.py", "import asyncio"),
        ("recording/bad.py", "import socket"),
        ("rules/bad.py", "import ssl"),
        ("relay/bad.py", "import sqlite3"),
        ("relay/door/bad.py", "import farhand.relay.live"),
        ("agent/texts.py", "import psycopg"),
        ("agent/core/bad.py", "import farhand.agent.platforms"),
        ("agent/platforms/bad.py", "import farhand.agent.tools"),
        ("agent/tools/bad.py", "import farhand.agent.platforms"),
        ("agent/tools/screen/bad.py", "import farhand.agent.tools.shell"),
        ("agent/tools/input/bad.py", "import xcffib"),
        ("web/jump/bad.py", "from farhand.web.support import models"),
        ("web/worker/bad.py", "import farhand.web.support.models"),
        ("web/login/bad.py", "from farhand.web.appliance.models import X"),
        ("web/support/bad.py", "import farhand.web.jump"),
    ],
)
def test_a_wrong_import_is_refused(house: Path, module: str, statement: str) -> None:
    write(house, module, statement + "\n")
    result = lint(house)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_a_pure_package_must_not_reach_the_event_loop_through_kit(house: Path) -> None:
    (house / "farhand/kit/net.py").write_text("import asyncio\n")
    (house / "farhand/rules/bad.py").write_text("import farhand.kit.net\n")
    assert lint(house).returncode == 1


def test_a_new_top_level_package_needs_a_floor(house: Path) -> None:
    (house / "farhand/attic").mkdir()
    (house / "farhand/attic/__init__.py").write_text("")
    result = lint(house)
    assert result.returncode == 1
    assert "attic" in result.stdout
