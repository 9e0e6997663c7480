"""Files in a clipboard, as file managers on Linux exchange them.

Why it exists: X11 and Wayland carry the same two forms. Sources: `text/uri-list` (RFC 2483, section 5) of file URIs
(RFC 8089); `x-special/gnome-copied-files`, which the file managers of GNOME, Xfce, MATE, Cinnamon and LXDE take: a line
`copy` or `cut`, then a URI a line, without an end of line after the last.

Rules: what others put in is hostile. Only absolute paths of this very computer count; whether something is there, and
who may have it, is judged where files are transferred.
"""

import os
import socket
from urllib.parse import quote_from_bytes, unquote_to_bytes

from farhand.agent.core.desktop import NotThereError
from farhand.agent.texts import _
from farhand.protocol.clipboard import MOST_FILES, pack_files, read_files

URIS = "text/uri-list"
GNOME = "x-special/gnome-copied-files"
TYPES = (URIS, GNOME)
"""As what files are offered and asked for, the best one first."""
_SCHEME = b"file:"
_LONGEST = 16_384


def content_of(data: bytes) -> bytes:
    """Return what one of TYPES holds as content of the format `files`. Raises NotThereError when there is no file."""
    paths: list[bytes] = []
    others = 0
    for line in data.replace(b"\0", b"\n").splitlines():
        if not line or line.startswith(b"#") or line in (b"copy", b"cut"):
            continue
        path = _path_of(line)
        if path is None:
            others += 1
        elif path not in paths[-1:]:
            paths.append(path)
    if not paths:
        raise NotThereError(_("What was copied there is no file of that computer itself."))
    if len(paths) > MOST_FILES:
        text = _("More than {most} files were copied there. Copy the folder that holds them.")
        raise NotThereError(text.format(most=MOST_FILES), too_long=True)
    return pack_files(paths, others)


def render(content: bytes, kind: str) -> bytes:
    """Return content of the format `files` as one of TYPES, or as text: a path a line."""
    paths = read_files(content).paths
    if kind == URIS:
        return b"".join(_uri_of(path) + b"\r\n" for path in paths)
    if kind == GNOME:
        return b"\n".join([b"copy", *(_uri_of(path) for path in paths)])
    return b"\n".join(paths).decode("utf-8", "replace").encode()


def _uri_of(path: bytes) -> bytes:
    return b"file://" + quote_from_bytes(path).encode()


def _path_of(uri: bytes) -> bytes | None:
    if uri[: len(_SCHEME)].lower() != _SCHEME:
        return None
    rest = uri[len(_SCHEME) :]
    if rest.startswith(b"//"):
        host, slash, rest = rest[2:].partition(b"/")
        rest = slash + rest
        if host.decode("ascii", "replace").lower() not in ("", "localhost", socket.gethostname().lower()):
            return None
    path = unquote_to_bytes(rest.partition(b"#")[0].partition(b"?")[0])
    if not path.startswith(b"/") or b"\0" in path or len(path) > _LONGEST:
        return None
    return b"/" + os.path.normpath(path).lstrip(b"/")
