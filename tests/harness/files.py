"""A viewer of the files channel in plain Python: browse, change, download, upload, break off and go on.

It is made of what the protocol page says and `farhand.protocol.files`, and runs in the test's thread: frames come in by
`take` from any thread.
"""

import base64
import hashlib
import json
import os
import queue
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from farhand.protocol.channels import Files
from farhand.protocol.files import (
    ACK,
    ACK_EVERY,
    FilesChange,
    FilesFinish,
    FilesGet,
    FilesList,
    FilesPut,
    FilesRequest,
    FilesStart,
    Incoming,
    Outgoing,
    Window,
    chunk,
    read_ack,
    read_chunk,
)

BLOCK = 1 << 20
LOST = (-1, b"")


class DoneError(Exception):
    """The endpoint said no: `code`, `text`."""

    def __init__(self, done: dict[str, Any]) -> None:
        super().__init__(f"{done['code']}: {done['text']}")
        self.code = done["code"]


class LostError(Exception):
    """The connection went, or the endpoint forgot what was asked."""


class FilesClient:
    """One viewer. `send(frame type, payload)` sends a frame of files/0."""

    def __init__(self, send: Callable[[int, bytes], None], within: float = 60.0) -> None:
        self._send = send
        self._within = within
        self._inbox: queue.Queue[tuple[int, bytes]] = queue.Queue()
        self._number = 0
        self.window = Window()
        self.run = ""
        self.home = b""
        self.inbox = b""
        self.volumes: list[dict[str, Any]] = []

    # --- frames ---

    def take(self, frame_type: int, payload: bytes) -> None:
        """A frame of the endpoint's came."""
        self._inbox.put((frame_type, payload))

    def lost(self) -> None:
        """The socket is gone: whoever waits is told."""
        self._inbox.put(LOST)

    def say(self, frame_type: int, message: msgspec.Struct) -> None:
        """Send a JSON message."""
        self._send(frame_type, msgspec.json.encode(message))

    def number(self) -> int:
        """A number for a request."""
        self._number += 1
        return self._number

    def next(self, number: int, *types: int) -> tuple[int, Any]:
        """Return type and content of the next frame of a request (of BYTES: offset, bytes). Raises DoneError."""
        deadline = time.monotonic() + self._within
        while True:
            try:
                frame_type, payload = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no answer to request {number} in {self._within} s") from None
            if (frame_type, payload) == LOST:
                raise LostError
            if frame_type == Files.BYTES:
                found, offset, data = read_chunk(payload)
                if found == number:
                    return frame_type, (offset, data)
                continue
            if frame_type == Files.TAKEN:
                found, offset = read_ack(payload)
                if found == number:
                    return frame_type, offset
                continue
            message = json.loads(payload)
            if frame_type == Files.STARTED:
                self._started(message)
                continue
            if message.get("id") != number:
                continue
            if frame_type == Files.DONE and message["code"]:
                raise DoneError(message)
            if not types or frame_type in types or frame_type == Files.DONE:
                return frame_type, message

    def _started(self, message: dict[str, Any]) -> None:
        before, self.run = self.run, message["run"]
        self.home, self.volumes = base64.b64decode(message["home"]), message["volumes"]
        self.inbox = base64.b64decode(message["inbox"])
        if before and before != self.run:
            self.window = Window()
            raise LostError

    # --- what a person does ---

    def start(self, *, fresh: bool = True) -> None:
        """Get access."""
        self.run = ""
        self.window = Window()
        while not self._inbox.empty():
            self._inbox.get()
        deadline = time.monotonic() + self._within
        self.say(Files.START, FilesStart(fresh=fresh))
        while not self.run:
            assert time.monotonic() < deadline, "STARTED did not come"
            try:
                frame_type, payload = self._inbox.get(timeout=2)
            except queue.Empty:
                self.say(Files.START, FilesStart(fresh=fresh))
                continue
            if frame_type == Files.STARTED:
                self._started(json.loads(payload))
            elif frame_type == Files.STOPPED:
                raise DoneError({"code": json.loads(payload)["reason"], "text": json.loads(payload)["text"]})
            elif (frame_type, payload) == LOST:
                raise LostError

    def list(self, path: bytes) -> dict[bytes, dict[str, Any]]:
        """All entries of a folder, by name."""
        number, found = self.number(), {}
        self.say(Files.LIST, FilesList(id=number, path=path))
        while True:
            frame_type, page = self.next(number, Files.LISTING)
            if frame_type == Files.DONE:
                return found
            found.update({base64.b64decode(entry["name"]): entry for entry in page["entries"]})
            if page["more"]:
                self.say(Files.NEXT, FilesRequest(id=number))

    def change(self, what: int, path: bytes, to: bytes = b"") -> None:
        """MAKE, RENAME or DELETE, until it is done."""
        number = self.number()
        self.say(what, FilesChange(id=number, path=path, to=to))
        while self.next(number)[0] != Files.DONE:
            pass

    def get(self, path: bytes, target: Path, *, stop_at: int | None = None) -> dict[str, Any]:
        """Download into `target`, going on from what is there. Return size, SHA-256 and the offset that it began at.

        `stop_at`: raise LostError as soon as so many bytes are there.
        """
        target.touch()
        digest, have = _hash(target)
        number = self.number()
        self.say(Files.GET, FilesGet(id=number, path=path, offset=have, sha256=digest.hexdigest() if have else ""))
        _type, accepted = self.next(number, Files.ACCEPTED)
        if accepted["offset"] != have:
            digest = hashlib.sha256()
        incoming = Incoming(accepted["offset"], accepted["size"])
        acked = incoming.taken
        with target.open("r+b") as out:
            out.truncate(accepted["offset"])
            out.seek(accepted["offset"])
            while True:
                frame_type, what = self.next(number)
                if frame_type == Files.BYTES:
                    offset, data = what
                    incoming.data(offset, len(data))
                    if data.count(0) == len(data):
                        out.seek(len(data), os.SEEK_CUR)  # a hole stays one
                    else:
                        out.write(data)
                    digest.update(data)
                    incoming.took(len(data))
                    if stop_at is not None and incoming.taken >= stop_at:
                        raise LostError
                elif frame_type == Files.FINISHED:
                    finish = what
                elif frame_type == Files.DONE:
                    break
                behind = incoming.taken - acked
                if behind >= ACK_EVERY or (behind and self._inbox.empty()):
                    acked = incoming.taken
                    self._send(Files.ACK, ACK.pack(number, acked))
            out.truncate(incoming.taken)
        assert (incoming.taken, digest.hexdigest()) == (finish["size"], finish["sha256"])
        return {"size": incoming.taken, "sha256": digest.hexdigest(), "began": accepted["offset"]}

    def put(
        self, source: Path, path: bytes, *, key: str | None = None, stop_at: int | None = None, **wish: Any
    ) -> dict[str, Any]:
        """Upload a file, going on from what is there of it. `stop_at`: raise LostError when so much was taken."""
        size = source.stat().st_size
        number = self.number()
        self.say(Files.PUT, FilesPut(id=number, path=path, key=key or secrets.token_hex(16), size=size, **wish))
        _type, accepted = self.next(number, Files.ACCEPTED)
        began = accepted["offset"]
        digest = hashlib.sha256()
        outgoing = Outgoing(self.window, began)
        with source.open("rb") as data:
            left = began
            while left:
                block = data.read(min(BLOCK, left))
                digest.update(block)
                left -= len(block)
            assert digest.hexdigest() == accepted["sha256"] or not began
            while block := data.read(BLOCK):
                digest.update(block)
                view = memoryview(block)
                while view:
                    piece = view[: self.window.chunk]
                    while self.window.room < len(piece):
                        self._more_room(number, outgoing, stop_at)
                    self._send(Files.DATA, chunk(number, outgoing.offset, piece))
                    outgoing.sent(len(piece), time.monotonic())
                    view = view[len(piece) :]
        self.say(Files.FINISH, FilesFinish(id=number, size=size, sha256=digest.hexdigest()))
        while True:
            frame_type, what = self.next(number)
            if frame_type == Files.TAKEN:
                outgoing.acked(what, time.monotonic())
            elif frame_type == Files.DONE:
                outgoing.over()
                return {"size": size, "sha256": digest.hexdigest(), "began": began}

    def put_many(self, files: Iterable[tuple[bytes, bytes]], at_once: int = 8) -> int:
        """Upload (path, content) after content, small ones, several at a time as the console does; make their folders.
        Return how many went."""
        open_: set[int] = set()
        sent = 0
        for path, content in files:
            while len(open_) >= at_once:
                self._one_done(open_)
            number, key = self.number(), secrets.token_hex(16)
            size, sha256 = len(content), hashlib.sha256(content).hexdigest()
            self.say(Files.PUT, FilesPut(id=number, path=path, key=key, size=size, parents=True, fresh=True))
            if content:
                self._send(Files.DATA, chunk(number, 0, content))
            self.say(Files.FINISH, FilesFinish(id=number, size=size, sha256=sha256))
            open_.add(number)
            sent += 1
        while open_:
            self._one_done(open_)
        return sent

    def _one_done(self, open_: set[int]) -> None:
        while True:
            frame_type, payload = self._inbox.get(timeout=self._within)
            if (frame_type, payload) == LOST:
                raise LostError
            if frame_type == Files.DONE:
                done = json.loads(payload)
                if done["code"]:
                    raise DoneError(done)
                open_.discard(done["id"])
                return

    def _more_room(self, number: int, outgoing: Outgoing, stop_at: int | None) -> None:
        frame_type, what = self.next(number)
        if frame_type == Files.TAKEN:
            outgoing.acked(what, time.monotonic())
            if stop_at is not None and what >= stop_at:
                raise LostError


def _hash(path: Path) -> tuple[Any, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as data:
        while block := data.read(BLOCK):
            digest.update(block)
            size += len(block)
    return digest, size
