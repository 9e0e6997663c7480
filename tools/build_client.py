"""Build the client file for Linux: one file that runs with the machine's own Python.

    python tools/build_client.py [--output FILE]

It holds the agent (`farhand.agent`, `farhand.protocol`, `farhand.kit`) and the libraries of
`requirements/client.txt`, as they are installed beside the Python that runs this tool. Native libraries fit one minor
version of Python, one processor and one C library: the file refuses to start elsewhere with one sentence.

The same inputs give the same bytes: entries are sorted, their times are fixed, and nothing of this machine goes in.
"""

import argparse
import hashlib
import importlib.metadata
import re
import stat
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/farhand"
OUTPUT = SOURCE / "web/downloads/farhand-client-linux.pyz"
BOOTSTRAP = ROOT / "tools/client_bootstrap.py"
LOCK = ROOT / "requirements/client.txt"
PARTS = ("agent", "protocol", "kit")
LIBRARIES = "lib"
"""Folder in the archive that is unpacked: native libraries cannot be loaded from an archive."""
EPOCH = (1980, 1, 1, 0, 0, 0)
SHEBANG = b"#!/usr/bin/env python3\n"
LICENCE = re.compile(r"(?i)(^|/)(licen[cs]e|copying|notice|authors)[^/]*$")
ONLY = {"av": re.compile(r"^av\.libs/libvpx|^av/\.dylibs/libvpx")}
"""Distributions of which only some files go in: of PyAV only the VP8 encoder (docs/decisions/0007-video.md). Their own
licences are not those of these files, which stand in `tools/licences`."""
NOTICES = {"av.libs/LICENSE.libvpx": ROOT / "tools/licences/libvpx.txt"}
LEFT_OUT = re.compile(
    r"(^|/)(tests?|_examples|include|f2py|_pyinstaller|__pycache__)/|\.(pyc|pyi|pyx|pxd|c|cc|cpp|h|hpp|a|lib|exe|bat)$"
)


def locked_names() -> list[str]:
    """Return the distributions that the lock names."""
    found = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", LOCK.read_text())
    if not found:
        raise SystemExit(f"{LOCK.name} names no packages")
    return sorted({name.lower() for name in found})


def library_files(name: str) -> Iterator[tuple[str, Path]]:
    """Yield archive name and place of each file of one installed distribution that a running client needs."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise SystemExit(f"{name} is not installed here: run `make` first, it makes the environment") from error
    for file in distribution.files or []:
        path = file.as_posix()
        if path.startswith(("..", "/")) or LEFT_OUT.search(path):
            continue
        if name in ONLY and not ONLY[name].search(path):
            continue
        if ".dist-info/" in path and not (path.endswith("/METADATA") or LICENCE.search(path)):
            continue
        place = Path(str(distribution.locate_file(file)))
        if place.is_file():
            yield f"{LIBRARIES}/{path}", place


def own_files() -> Iterator[tuple[str, Path]]:
    """Yield archive name and place of Farhand's own parts."""
    for name in ("__init__.py", "py.typed"):
        yield f"farhand/{name}", SOURCE / name
    for place in sorted((SOURCE / "locale").glob("*/LC_MESSAGES/client.mo")):
        yield f"farhand/{place.relative_to(SOURCE).as_posix()}", place
    for part in PARTS:
        for place in sorted((SOURCE / part).rglob("*")):
            if place.is_file() and place.suffix == ".py" and "__pycache__" not in place.parts:
                yield f"farhand/{place.relative_to(SOURCE).as_posix()}", place


def bootstrap() -> bytes:
    """Return `__main__.py` with what it fits written into it."""
    text = BOOTSTRAP.read_text()
    values = {
        "@SUFFIX@": sysconfig.get_config_var("EXT_SUFFIX"),
        "@PYTHON@": f"{sys.version_info.major}.{sys.version_info.minor}",
        "@MACHINE@": sysconfig.get_platform(),
    }
    for mark, value in values.items():
        if mark not in text:
            raise SystemExit(f"{BOOTSTRAP.name} has no {mark}")
        text = text.replace(mark, value)
    return text.encode()


def build(output: Path) -> str:
    """Write the client file and return its SHA-256."""
    entries = dict(own_files())
    for name in locked_names():
        entries.update(library_files(name))
    entries.update((f"{LIBRARIES}/{path}", place) for path, place in NOTICES.items())
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            contents = {"__main__.py": bootstrap()} | {name: place.read_bytes() for name, place in entries.items()}
            for name, data in sorted(contents.items()):
                info = zipfile.ZipInfo(name, EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = 3
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(info, data)
    beside.chmod(0o755)
    beside.replace(output)
    return hashlib.sha256(output.read_bytes()).hexdigest()


def main() -> None:
    """Build and say what was built."""
    parser = argparse.ArgumentParser(description="Build the client file for Linux.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    wish = parser.parse_args()
    digest = build(wish.output)
    print(f"{digest}  {wish.output.stat().st_size / 1e6:.1f} MB")
    print(wish.output)  # the last line names the file: the bootstrap reads it


if __name__ == "__main__":
    main()
