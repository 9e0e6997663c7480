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


def modules() -> list[Path]:
    """Every Python module of the product; migrations are generated."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if "migrations" not in path.parts]


def offences(tree: ast.AST) -> Iterator[str]:
    """What a module does that it must not: forbidden imports, calls, and `shell=True`."""
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
            for keyword in node.keywords:
                if keyword.arg == "shell" and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
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
    ],
)
def test_the_search_finds_what_is_forbidden(source: str) -> None:
    assert list(offences(ast.parse(source)))


def test_the_search_leaves_the_rest_alone() -> None:
    assert not list(offences(ast.parse("import json\nsubprocess.run(['x'], shell=False)\nevaluate('1')")))


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
