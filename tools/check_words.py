"""Keeps places that exist on one machine only out of the repository: registry hosts and paths of a build machine.

Why it exists: a lock or a document that names a registry or a folder of the machine it was made on is wrong everywhere
else.

Rules: the forbidden strings are put together from parts, so that this file does not contain them itself. Only files
that git would commit are read (tracked, and new ones that are not ignored).
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HOSTS = (
    ("registry.", "npmjs.org"),
    ("npmjs", ".com"),
    ("registry.", "yarnpkg.com"),
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("deb.", "debian.org"),
    ("proxy.", "golang.org"),
    ("crates", ".io"),
)
PATHS = (
    ("/work", "/main"),
    ("/work", "/shared"),
    ("/tmp", "/farhand"),
    ("/opt", "/wheels"),
    ("/opt", "/pypi"),
    ("/root", "/."),
    ("/.py", "env/"),
)
FORBIDDEN = re.compile("|".join(re.escape("".join(parts)) for parts in (*HOSTS, *PATHS)), re.IGNORECASE)
BINARY_SUFFIXES = frozenset({".png", ".jpg", ".ico", ".woff2", ".mo", ".wasm", ".gz", ".zst", ".bin"})


def committed_files(root: Path) -> list[Path]:
    """The files that a commit of everything would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [root / name for name in sorted(set(listed.split("\0"))) if name]


def findings(path: Path) -> Iterator[str]:
    """One line for every forbidden string in `path`; files that are not UTF-8 text hold none."""
    if path.suffix in BINARY_SUFFIXES or not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for match in FORBIDDEN.finditer(line):
            yield f"{path}:{number}: names `{match.group()}`: write it without a host or path of one machine"


def main(root: Path = ROOT) -> int:
    """Prints the findings; returns 1 when there are any."""
    found = [finding for path in committed_files(root) for finding in findings(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
