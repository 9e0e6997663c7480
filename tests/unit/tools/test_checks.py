"""The small checks find what they are for, and nothing else."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import check_docs
import check_sizes
import check_words
import run_tests

TODAY = date(2030, 1, 1)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_long_files_and_functions_are_named(tmp_path: Path) -> None:
    write(tmp_path / "src/farhand/long.py", "x = 1\n" * 501)
    write(tmp_path / "src/farhand/good.py", "x = 1\n" * 500)
    write(tmp_path / "src/farhand/deep.py", "class A:\n    def f(self):\n" + "        pass\n" * 60)
    write(tmp_path / "web/console/src/long.svelte", "\n" * 501)
    write(tmp_path / "web/console/src/generated/long.ts", "\n" * 900)
    write(tmp_path / "web/node_modules/a/src/long.ts", "\n" * 900)
    found = check_sizes.problems(tmp_path, {}, TODAY)
    assert [line.split(": ")[0] for line in found] == [
        "src/farhand/deep.py:2 f()".replace("f()", "A.f()"),
        "src/farhand/long.py",
        "web/console/src/long.svelte",
    ]


def test_an_allowance_ends_on_its_date_and_is_removed_when_unused(tmp_path: Path) -> None:
    write(tmp_path / "src/a.py", "x = 1\n" * 501)
    write(
        tmp_path / "list",
        "# comment\nsrc/a.py 600 2030-01-01 a table that is one thing\nsrc/b.py 600 2030-01-01 gone\n",
    )
    allowances = check_sizes.read_allowances(tmp_path / "list")
    assert check_sizes.problems(tmp_path, allowances, TODAY) == [
        "size_allowances.txt: src/b.py is not needed any more: remove it"
    ]
    assert len(check_sizes.problems(tmp_path, allowances, date(2030, 1, 2))) == 2


def test_a_bad_allowance_is_named(tmp_path: Path) -> None:
    write(tmp_path / "list", "src/a.py 600\n")
    with pytest.raises(ValueError, match="list:1"):
        check_sizes.read_allowances(tmp_path / "list")


@pytest.mark.parametrize("parts", [*check_words.HOSTS, *check_words.PATHS])
def test_places_of_one_machine_are_found(tmp_path: Path, parts: tuple[str, str]) -> None:
    write(tmp_path / "a.md", "fine\nsee " + "".join(parts) + " for more\n")
    assert [line.split(": ")[0] for line in check_words.findings(tmp_path / "a.md")] == [f"{tmp_path / 'a.md'}:2"]


def test_only_what_git_would_commit_is_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path / ".gitignore", "ignored/\n")
    write(tmp_path / "ignored/a", "x")
    write(tmp_path / "b", "x")
    assert [path.name for path in check_words.committed_files(tmp_path)] == [".gitignore", "b"]


def test_broken_links_are_named(tmp_path: Path) -> None:
    write(tmp_path / "docs/b.md", "# One heading: of `two`\n")
    write(
        tmp_path / "a.md",
        "# Top\n[ok](docs/b.md) [ok](docs/b.md#one-heading-of-two) [ok](#top) [ok](https://example.org/x) `[no](no)`\n"
        "```\n[no](nothing.md)\n```\n[bad](nothing.md) [bad](docs/b.md#other)\n",
    )
    assert check_docs.broken_links(tmp_path / "a.md", tmp_path) == [
        "a.md: the link to `nothing.md` leads to no file",
        "a.md: the link to `docs/b.md#other` leads to no heading",
    ]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages in one process each and without plug-ins, which take longer to start than the tests here to run."""
    monkeypatch.setattr(run_tests, "STAGES", tuple(replace(stage, options=()) for stage in run_tests.STAGES))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.usefixtures("plain")
def test_a_run_without_tests_fails_and_one_with_tests_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tests.main([], tmp_path) == 1
    write(tmp_path / "tests/scenario/test_a.py", "def test_a():\n    pass\n")
    assert run_tests.main([], tmp_path) == 0
    write(tmp_path / "tests/browser/test_b.py", "def test_b():\n    assert False\n")
    assert run_tests.main([], tmp_path) == 1
    closing = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[:2] for line in closing] == [["unit", "skip"], ["scenario", "ok"], ["browser", "FAIL"]]


WAVERER = """
from pathlib import Path

def test_steady():
    with Path("runs").open("a") as file:
        file.write("steady ")

def test_wavers():
    seen = Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""


@pytest.mark.usefixtures("plain")
def test_a_few_tests_with_real_programs_get_a_second_try_and_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "tests/scenario/test_a.py", WAVERER)
    write(tmp_path / "tests/scenario/test_b.py", WAVERER)
    assert run_tests.main([], tmp_path) == 0
    closing = capsys.readouterr().out.splitlines()[-2]
    assert closing.split()[:2] == ["scenario", "ok"]
    assert (
        "WAVERING, passed at a second try: tests/scenario/test_a.py::test_wavers, tests/scenario/test_b.py" in closing
    )
    assert (tmp_path / "runs").read_text() == "steady steady ", "only what failed is run again"


@pytest.mark.usefixtures("plain")
def test_what_fails_twice_is_red(tmp_path: Path) -> None:
    write(tmp_path / "tests/scenario/test_a.py", WAVERER)
    write(tmp_path / "tests/scenario/test_b.py", "def test_b():\n    assert False\n")
    assert run_tests.main([], tmp_path) == 1


@pytest.mark.usefixtures("plain")
def test_who_skips_the_second_try_has_not_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "tests/scenario/test_a.py", WAVERER)
    skips = WAVERER.replace("    assert not first", "    if not first:\n        pytest.skip('gone')\n    assert False")
    write(tmp_path / "tests/scenario/test_b.py", "import pytest\n" + skips)
    assert run_tests.main([], tmp_path) == 1
    closing = capsys.readouterr().out.splitlines()[-2]
    assert "1 passed, 1 skipped" in closing
    assert "WAVERING" not in closing


@pytest.mark.usefixtures("plain")
def test_many_failures_and_those_of_unit_tests_have_no_second_try(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"tests/scenario/test_{name}.py", WAVERER)
    assert run_tests.main([], tmp_path) == 1
    unit = tmp_path / "other"
    write(unit / "tests/unit/test_a.py", WAVERER)
    assert run_tests.main([], unit) == 1
