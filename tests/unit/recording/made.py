"""Recordings for tests: made by the real writer, with keys of their own."""

from dataclasses import dataclass

import msgspec

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.channels import Kind, Screen, Shell, channel
from farhand.protocol.shell import ShellClosed, ShellOpened, ShellResize
from farhand.recording import format as form
from farhand.recording import keys
from farhand.recording.writer import SegmentWriter

STARTED = 1_700_000_000_000


@dataclass
class Site:
    """The keys of an appliance that matter to recordings."""

    issuer = signing.new_key()
    kek: bytes = bytes(range(32))

    def writer(
        self, session_id: str, segment: int = 1, started_ms: int = STARTED, data_key: bytes = b"d" * 32
    ) -> SegmentWriter:
        """Return a writer as the relay would make it."""
        sign_key = signing.new_key()
        body = form.Certificate(session_id=session_id, segment=segment, key=signing.public_of(sign_key).hex())
        certificate = signing.sign_token(self.issuer, form.CERTIFICATE_KIND, body)
        wrapped = keys.wrap(self.kek, data_key, session_id, segment)
        return SegmentWriter(session_id, segment, data_key, sign_key, certificate, wrapped, started_ms)

    @property
    def public(self) -> bytes:
        """The issuer's public key."""
        return signing.public_of(self.issuer)


def small(site: Site, seconds: int = 8, *, close: bool = True) -> tuple[bytes, str, list[int]]:
    """Return a segment of a few seconds, its session, and the file sizes after each cut."""
    session_id = new_id()
    writer = site.writer(session_id)
    data = writer.head()
    sizes = [len(data)]
    for second in range(seconds):
        for part in (0, 400):
            writer.add(
                STARTED + second * 1000 + part, 0x401, 18, b"%d.%d" % (second, part), key=part == 0 and second % 3 == 0
            )
        data += b"".join(writer.cut(STARTED + second * 1000 + 999))
        sizes.append(len(data))
    if close:
        data += b"".join(writer.close(STARTED + seconds * 1000, "ended"))
        sizes.append(len(data))
    return data, session_id, sizes


SHELL = channel(Kind.SHELL, 1)
SCREEN = channel(Kind.SCREEN)


def shell_frames() -> list[tuple[int, int, int, bytes]]:
    """Frames (ms, channel, type, payload) of a short shell: prompt, a command with colours, a resize, the end."""
    encode = msgspec.json.encode
    offset = 0
    frames = [
        (0, SHELL, int(Shell.OPENED), encode(ShellOpened(shell=1, cols=80, rows=24, by="Rep", command="/bin/sh")))
    ]

    def data(time_ms: int, raw: bytes) -> None:
        nonlocal offset
        frames.append((time_ms, SHELL, int(Shell.DATA), offset.to_bytes(8, "little") + raw))
        offset += len(raw)

    data(500, b"$ ")
    data(1200, b"printf h\xc3")
    data(1300, b"\xa4tte\r\n\x1b[31mh\xc3\xa4tte\x1b[0m\r\n$ ")
    frames.append((2000, SHELL, int(Shell.RESIZED), encode(ShellResize(cols=100, rows=30))))
    data(2600, b"exit\r\n")
    frames.append((3000, SHELL, int(Shell.CLOSED), encode(ShellClosed(shell=1, status=0))))
    return frames


def screen_frames(seconds: int) -> list[tuple[int, int, int, bytes, bool]]:
    """Frames of a screen at four updates a second with a key frame every three seconds."""
    frames = [(0, SCREEN, int(Screen.STARTED), b'{"width":640,"height":480}', False)]
    for n in range(seconds * 4):
        key = n % 12 == 0
        payload = n.to_bytes(8, "little") + bytes([1 if key else 0]) + b"pixels" * 50
        frames.append((n * 250, SCREEN, int(Screen.UPDATE), payload, key))
    return frames
