"""Keeps rooms liveable: source files up to 500 lines, Python functions up to 60.

Why it exists: size is the first sign that a module has taken on a second job.

Rules: an exception stands in tools/size_allowances.txt, one a line: `path[::function]  limit  YYYY-MM-DD  reason`. It
ends on its date; from then on the check fails again. An allowance that is not needed any more fails too, so the
list shrinks by itself.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 500
FUNCTION_LINES = 60
SUFFIXES = frozenset({".py", ".ts", ".svelte", ".css", ".html", ".js"})
SKIPPED_FOLDERS = frozenset({"node_modules", "generated", "dist", "__pycache__", "migrations", "vendor"})


@dataclass(frozen=True)
class Finding:
    """One file or function and its length in lines; `name` is what an allowance calls it."""

    name: str
    lines: int
    limit: int
    where: str


@dataclass(frozen=True)
class Allowance:
    """A dated exception from a limit."""

    limit: int
    until: date


def sources(root: Path) -> Iterator[Path]:
    """Every source file that has a limit: `src/` and the `src` folders below `web/`, without what is built."""
    for top in ("src", "web"):
        for path in sorted((root / top).rglob("*")):
            parts = path.relative_to(root).parts
            if path.suffix not in SUFFIXES or not path.is_file() or SKIPPED_FOLDERS.intersection(parts):
                continue
            if any(part.endswith(".egg-info") for part in parts) or ("static", "console") in pairwise(parts):
                continue
            if top == "src" or "src" in parts[1:]:
                yield path


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int, int]]:
    """Every function of a module: qualified name, first line, length in lines from `def` to its end."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1
        name = getattr(node, "name", None)
        inner = (
            f"{prefix}{name}." if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else prefix
        )
        yield from functions(node, inner)


def measure(root: Path) -> Iterator[Finding]:
    """Lengths of all files, and of all functions of the Python files."""
    for path in sources(root):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root).as_posix()
        yield Finding(name, len(text.splitlines()), FILE_LINES, name)
        if path.suffix == ".py":
            for function, line, lines in functions(ast.parse(text, name)):
                yield Finding(f"{name}::{function}", lines, FUNCTION_LINES, f"{name}:{line} {function}()")


def read_allowances(path: Path) -> dict[str, Allowance]:
    """Reads the allow-list; raises ValueError naming the line that is not `path limit date reason`."""
    allowances = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, limit, until, _reason = line.split(maxsplit=3)
            allowances[name] = Allowance(int(limit), date.fromisoformat(until))
        except ValueError:
            raise ValueError(f"{path.name}:{number}: expected `path limit YYYY-MM-DD reason`") from None
    return allowances


def problems(root: Path, allowances: dict[str, Allowance], today: date) -> list[str]:
    """Everything that is too long today, and every allowance without a use."""
    found, used = [], set()
    for finding in measure(root):
        if finding.lines <= finding.limit:
            continue
        allowance = allowances.get(finding.name)
        if allowance is not None:
            used.add(finding.name)
            if today <= allowance.until and finding.lines <= allowance.limit:
                continue
        found.append(f"{finding.where}: {finding.lines} lines, the limit is {finding.limit}: split it by its jobs")
    found.extend(
        f"size_allowances.txt: {name} is not needed any more: remove it" for name in allowances if name not in used
    )
    return found


def main(root: Path = ROOT) -> int:
    """Prints the findings; returns 1 when there are any."""
    found = problems(root, read_allowances(root / "tools/size_allowances.txt"), datetime.now(UTC).date())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
