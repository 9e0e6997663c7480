"""Rules of the source that no linter knows: docstrings that open modules, and calls that Farhand never makes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/farhand"
FORBIDDEN_IMPORTS = frozenset({"pickle", "marshal", "shelve", "yaml", "telnetlib", "xmlrpc"})
FORBIDDEN_CALLS = frozenset({"eval", "exec", "os.system", "os.popen", "extractall", "unpack_archive", "mark_safe"})
SHELL_CALLS = frozenset({"create_subprocess_shell", "subprocess_shell", "getoutput", "getstatusoutput"})
"""Whatever they are called on, they start a program through a shell."""
STARTERS = ("subprocess.", "asyncio.create_subprocess_", "asyncio.subprocess.")
"""Where `shell=` means the shell; elsewhere it is a name like any other (the command shells of a session have one)."""


def modules() -> list[Path]:
    """Every Python module of the product; migrations are generated."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if "migrations" not in path.parts]


def imported(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `sp` -> `subprocess`, `start` -> `subprocess.Popen`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def starts_programs(node: ast.Call, names: dict[str, str]) -> bool:
    """Say whether a call goes to subprocess or asyncio's subprocesses, or hands such a function on (`partial`)."""
    for part in (node.func, *node.args):
        first, dot, rest = ast.unparse(part).partition(".")
        if f"{names.get(first, first)}{dot}{rest}".startswith(STARTERS):
            return True
    return False


def offences(tree: ast.AST) -> Iterator[str]:
    """What a module does that it must not: forbidden imports, calls, and programs started through a shell."""
    known = imported(tree)
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in FORBIDDEN_IMPORTS:
                yield f"line {node.lineno}: imports {name}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in FORBIDDEN_CALLS or called.rsplit(".", 1)[-1] in {"extractall", "unpack_archive", "mark_safe"}:
                yield f"line {node.lineno}: calls {called}"
            last = known.get(called, called).rsplit(".", 1)[-1]
            hidden = starts_programs(node, known) and any(
                (keyword.arg == "shell" and ast.unparse(keyword.value) != "False")
                or (keyword.arg is None and "shell" in ast.unparse(keyword.value))
                for keyword in node.keywords
            )
            if last in SHELL_CALLS or hidden:
                yield f"line {node.lineno}: starts a program through a shell"


def test_every_module_opens_with_its_reason() -> None:
    without = [
        str(path.relative_to(ROOT))
        for path in modules()
        if (tree := ast.parse(path.read_text())).body and not ast.get_docstring(tree)
    ]
    assert not without


def test_no_module_makes_a_forbidden_call() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}" for path in modules() for what in offences(ast.parse(path.read_text()))
    ]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "eval('1')",
        "import os; os.system('x')",
        "archive.extractall('x')",
        "subprocess.run('x', shell=True)",
        "subprocess.run('x', shell=flag)",
        "import subprocess as sp; sp.Popen('x', shell=True)",
        "from subprocess import run as start; start('x', shell=True)",
        "from subprocess import getoutput; getoutput('x')",
        "functools.partial(subprocess.run, shell=True)",
        "subprocess.run('x', **{'shell': True})",
        "asyncio.create_subprocess_shell('x')",
        "from asyncio import create_subprocess_shell as go; go('x')",
        "loop.subprocess_shell(None, 'x')",
        "asyncio.create_subprocess_exec('x', shell=True)",
    ],
)
def test_the_search_finds_what_is_forbidden(source: str) -> None:
    assert list(offences(ast.parse(source)))


def test_the_search_leaves_the_rest_alone() -> None:
    fine = "import json\nsubprocess.run(['x'], shell=False)\nevaluate('1')\nShellOpened(shell=1)\npost(shell=n)"
    assert not list(offences(ast.parse(fine)))


def test_locks_pin_every_package_with_hashes() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        entries = lock.read_text().replace("\\\n", " ").splitlines()
        assert entries, lock
        for entry in entries:
            assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), f"{lock.name}: {entry[:60]}"


def test_the_small_locks_agree_with_the_large_one() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line}

    assert pins("client.txt") <= pins("runtime.txt") <= pins("dev.txt")
