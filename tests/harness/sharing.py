"""A console's side of a clipboard that is shared, frame by frame."""

import json
from typing import Any

from tests.harness.appliance import wait_for
from tests.harness.console import LiveSession

from farhand.protocol.channels import Clip, Kind, channel
from farhand.protocol.clipboard import CHUNK, MOST, PART
from farhand.protocol.frames import Frame

CLIPBOARD = channel(Kind.CLIPBOARD)


class Shared:
    """A console that shares the clipboard of a session."""

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self.transfers = 0
        self.send(Clip.START)
        self.wait(Clip.STARTED)

    def send(self, kind: Clip, payload: bytes = b"", **message: Any) -> None:
        """Send one frame; a message as JSON."""
        body = json.dumps(message).encode() if message else payload
        self.live.socket.send(kind, CLIPBOARD, body, self.live.leg)

    def wait(self, kind: Clip, since: int = 0) -> Frame:
        """Wait for a frame of this type."""

        def match(frame: Frame) -> Frame | None:
            return frame if frame.channel == CLIPBOARD and frame.type == kind else None

        found: Frame = self.live.socket.wait(match, within=60, since=since, what=kind.name)
        return found

    def give(self, name: str, data: bytes) -> str:
        """Put content into the remote clipboard; return what DONE says."""
        self.transfers += 1
        since = len(self.live.socket.frames)
        self.send(Clip.GIVE, transfer=self.transfers, format=name, bytes=len(data))
        for at in range(0, min(len(data), MOST), CHUNK):
            self.send(Clip.GIVEN_PART, PART.pack(self.transfers) + data[at : at + CHUNK])
        done = json.loads(self.wait(Clip.DONE, since).payload)
        assert done["transfer"] == self.transfers
        return str(done["text"])

    def wait_offered(self, name: str, since: int) -> None:
        """Wait until something is offered in this format: while a program takes the clipboard it is empty."""

        def match(frame: Frame) -> bool:
            offer = frame.channel == CLIPBOARD and frame.type == Clip.OFFER
            return offer and name in json.loads(frame.payload)["formats"]

        self.live.socket.wait(match, within=60, since=since, what=f"an offer of {name}")

    def take(self, name: str) -> tuple[bytes, str]:
        """Take the remote clipboard: its content, or why not."""
        self.transfers += 1
        number, since = self.transfers, len(self.live.socket.frames)
        self.send(Clip.TAKE, transfer=number, format=name)

        def answered(frame: Frame) -> Frame | None:
            return frame if frame.channel == CLIPBOARD and frame.type in (Clip.CONTENT, Clip.DONE) else None

        first = self.live.socket.wait(answered, within=60, since=since, what="CONTENT or DONE")
        told = json.loads(first.payload)
        assert told["transfer"] == number
        if first.type == Clip.DONE:
            return b"", str(told["text"])

        def data() -> bytes:
            frames = [f for f in self.live.socket.frames[since:] if f.channel == CLIPBOARD and f.type == Clip.PART]
            assert all(len(f.payload) <= PART.size + CHUNK for f in frames)
            return b"".join(bytes(f.payload[PART.size :]) for f in frames if PART.unpack_from(f.payload) == (number,))

        wait_for(lambda: len(data()) >= told["bytes"], within=60, what="all parts")
        assert len(data()) == told["bytes"]
        return data(), ""
