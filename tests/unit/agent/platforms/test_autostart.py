"""One start at the next sign-in: the entry is read back as the specification says, and goes away."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farhand.agent.platforms.linux import autostart
from farhand.agent.platforms.linux.autostart import Autostart

STRING_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def read_exec(text: str) -> list[str]:
    """The arguments of `Exec`, by the Desktop Entry Specification: escapes of a string, quotes, then field codes."""
    (line,) = [line for line in text.split("\n") if line.startswith("Exec=")]
    value = re.sub(r"\\(.)", lambda found: STRING_ESCAPES[found[1]], line.removeprefix("Exec="))
    words = re.findall(r'"((?:[^"\\`$]|\\["\\`$])*)"', value, re.DOTALL)
    return [re.sub(r'\\(["\\`$])', r"\1", word).replace("%%", "%") for word in words]


WORDS = st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.just("\n"), min_size=1), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(WORDS)
def test_any_command_is_read_back_as_it_was(home: Path, words: list[str]) -> None:
    place = Autostart("return-1")
    place.set(words)
    (entry,) = (home / "config/autostart").iterdir()
    assert entry.stat().st_mode & 0o077 == 0
    assert read_exec(entry.read_text()) == words


def test_it_goes_away_with_its_files(home: Path) -> None:
    place = Autostart("return-1")
    place.folder.mkdir(parents=True)
    (place.folder / "file").write_text("kept")
    place.set(["true"])
    place.unset()
    assert not list((home / "config/autostart").iterdir())
    assert (place.folder / "file").exists()
    place.forget()
    place.forget()
    assert not place.folder.exists()


def test_root_without_a_desktop_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CURRENT_DESKTOP", raising=False)
    for uid, can in ((0, False), (1000, True)):
        monkeypatch.setattr(autostart.os, "geteuid", lambda uid=uid: uid)
        ability = Autostart("return-1").ability()
        assert (ability.can, bool(ability.reason)) == (can, not can)
