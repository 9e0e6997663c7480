"""Checks that every relative link in the Markdown documents leads to a file, and every `#anchor` to a heading.

Why it exists: documents outlive the files that they point to.

Rules: links to other sites are not followed. Anchors follow the usual rule: lower case, spaces to hyphens, other signs
dropped. Code blocks and inline code are not links.
"""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = frozenset({"node_modules", ".venv", ".git", ".cache", "var", "build", "dist"})
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def documents(root: Path) -> list[Path]:
    """Every Markdown file of the project."""
    return [
        path for path in sorted(root.rglob("*.md")) if not SKIPPED_FOLDERS.intersection(path.relative_to(root).parts)
    ]


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a document make; a repeated heading gets -1, -2, ..."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()).strip().replace(" ", "-")
        seen = found.get(name, 0)
        found[name] = seen + 1
        names.add(f"{name}-{seen}" if seen else name)
    return names


def broken_links(path: Path, root: Path) -> list[str]:
    """One line for every link of the document `path` that leads nowhere."""
    text = path.read_text(encoding="utf-8")
    prose = INLINE_CODE.sub("", FENCE.sub("", text))
    broken = []
    for target in [*LINK.findall(prose), *REFERENCE.findall(prose)]:
        if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = path if not name else (root / name[1:] if name.startswith("/") else path.parent / name)
        if not file.exists():
            broken.append(f"{path.relative_to(root)}: the link to `{target}` leads to no file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            broken.append(f"{path.relative_to(root)}: the link to `{target}` leads to no heading")
    return broken


def main(root: Path = ROOT) -> int:
    """Prints the broken links; returns 1 when there are any."""
    broken = [line for path in documents(root) for line in broken_links(path, root)]
    print("\n".join(broken), end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
