"""Where a person of this machine keeps what came from elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from farhand.agent.platforms.linux.people import Person, own


@pytest.fixture
def person(tmp_path: Path) -> Person:
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    return replace(own(), home=str(home))


def wish(person: Person, line: str) -> None:
    Path(person.home, ".config", "user-dirs.dirs").write_text(
        f'# made by xdg-user-dirs\nXDG_DESKTOP_DIR="$HOME/D"\n{line}\n'
    )


def test_without_anything_it_is_the_home_folder(person: Person) -> None:
    assert person.downloads == person.home


def test_the_usual_folder_and_the_one_that_the_person_wants(person: Person) -> None:
    home = Path(person.home)
    (home / "Downloads").mkdir()
    assert person.downloads == str(home / "Downloads")
    (home / "Téléchargements").mkdir()
    wish(person, 'XDG_DOWNLOAD_DIR="$HOME/Téléchargements"')
    assert person.downloads == str(home / "Téléchargements")
    wish(person, f'XDG_DOWNLOAD_DIR="{home}/Downloads"')
    assert person.downloads == str(home / "Downloads")


@pytest.mark.parametrize(
    "line", ['XDG_DOWNLOAD_DIR="/etc"', 'XDG_DOWNLOAD_DIR="$HOME/../.."', "XDG_DOWNLOAD_DIR=x", "\udce4"]
)
def test_nothing_leads_out_of_the_home_folder(person: Person, line: str) -> None:
    Path(person.home, ".config", "user-dirs.dirs").write_bytes(line.encode("utf-8", "surrogateescape"))
    assert person.downloads == person.home


def test_a_link_out_of_the_home_folder_is_not_taken(person: Person, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (Path(person.home) / "Downloads").symlink_to(tmp_path / "elsewhere")
    assert person.downloads == person.home
