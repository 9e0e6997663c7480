"""Verifies a segment of a recording without its data key: the certificate, the chain, the signatures.

It says exactly what holds and what does not, and where in time. One pass over the file finds the index too. The pass
can be made in pieces (`Verifier.advance`), over a file that still grows, and be taken up by another process
(`state`, `Verifier.resume`): a long recording is verified while it is made, and verifying blocks nobody. What was
proven in an earlier piece is not read again; only a pass from the start notices when it is changed later.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import msgspec

from farhand.kit.signing import BadToken, check_bytes, open_token
from farhand.recording import format as form
from farhand.recording.index import Buffer, Index, Record, chunk_head, scan


class Damage(NamedTuple):
    """One place where the recording is not what was written. Times in ms since the segment's start."""

    from_ms: int
    to_ms: int
    offset: int
    """Byte of the file where it was noticed."""
    what: Literal["head", "certificate", "altered", "missing", "broken", "signature", "after-close", "unsigned"]


MOST_DAMAGE: Final = 1000
"""Places that are named; a file with more is worth nothing, and their list must not fill anything."""


@dataclass(slots=True)
class Findings:
    """What a verification found. `intact` is the one word; the rest says exactly what and where."""

    head: form.Head | None = None
    verified_ms: int = 0
    """Everything up to here, without interruption from the start, is proven."""
    end_ms: int = 0
    """Time of the last thing that can be played, proven or not."""
    closed: bool = False
    """A proven close record ends the file; else the writer was cut off."""
    reason: str = ""
    """Why it was closed."""
    unsigned_ms: int = 0
    """Length of the stretch at the end that follows the last signature: playable, not proven."""
    torn_bytes: int = 0
    """Bytes at the end of a record that was never finished."""
    damage: list[Damage] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """All that the file holds is proven (it may still be cut off at its end)."""
        return self.head is not None and not self.damage

    @property
    def first_damaged_second(self) -> int | None:
        """The second (from 0) in which the first damage lies, or None."""
        return min(d.from_ms for d in self.damage) // 1000 if self.damage else None


class _Item(NamedTuple):
    """A head or chunk that waits for a signature."""

    number: int
    start_ms: int
    end_ms: int
    offset: int
    digest: bytes
    previous: bytes


_NOTHING: Final = _Item(-2, 0, 0, 0, b"", b"")


class _State(msgspec.Struct, frozen=True, array_like=True):
    """A pass that was interrupted."""

    offset: int
    key: bytes
    over: bool
    pending: list[_Item]
    proven: _Item
    found: Findings


def verify(data: Buffer, issuer_keys: Sequence[bytes], expect: tuple[str, int] | None = None) -> Findings:
    """Check a whole segment file. `issuer_keys` are the 32-byte public keys that certify recordings.

    `expect` names the session and segment that the file must be of. Raises nothing for bad files: it finds.
    """
    verifier = Verifier(issuer_keys, expect)
    verifier.advance(data, final=True)
    return verifier.findings()


class Verifier:
    """One pass over a file. Items wait in `pending` until a signature proves the newest one and, by it, those
    before.
    """

    def __init__(self, issuer_keys: Sequence[bytes], expect: tuple[str, int] | None = None) -> None:
        self.offset = 0
        """Bytes that are done."""
        self.index: Index | None = None
        """The chunks so far; None while there is no head. A pass that ends early leaves the rest to `Index.grow`."""
        self._issuers = issuer_keys
        self._expect = expect
        self._found = Findings()
        self._key = b""
        self._over = False
        self._pending: list[_Item] = []
        self._proven = _NOTHING

    def advance(self, data: Buffer, most: int | None = None, *, final: bool = False) -> bool:
        """Read on in `data` (the same file, perhaps longer), about `most` bytes. Say whether its end was reached.

        `final`: nobody writes it any more, so what is not whole at its end never will be.
        """
        limit = len(data) if most is None else min(self.offset + most, len(data))
        for record in scan(data, self.offset):
            end = record.offset + record.size
            if self._over or (not final and record.what in ("torn", "broken") and end == len(data)):
                return True
            self._take(data, record)
            self.offset = end
            if end >= limit:
                break
        return self._over or self.offset >= len(data)

    def findings(self) -> Findings:
        """What was found so far; what waits for a signature counts as not proven."""
        found = copy.copy(self._found)
        found.damage = list(found.damage)
        if self._pending and not self._over:
            self._tail(found)
        found.damage.sort(key=lambda d: (d.from_ms, d.offset))
        return found

    def state(self) -> bytes:
        """The pass as it stands now, for `resume`. The index is kept apart (`Index.dump`)."""
        state = _State(self.offset, self._key, self._over, self._pending, self._proven, self._found)
        return msgspec.msgpack.encode(state)

    @classmethod
    def resume(
        cls,
        issuer_keys: Sequence[bytes],
        expect: tuple[str, int] | None,
        state: bytes,
        index: Index | None,
    ) -> "Verifier":
        """Take up a pass. Raises FormatError when state and index do not belong together."""
        try:
            kept = msgspec.msgpack.decode(state, type=_State)
        except (msgspec.DecodeError, RecursionError) as error:
            raise form.FormatError("this is not the state of a verification") from error
        if (index.read_to != kept.offset) if index is not None else (kept.found.head is not None):
            raise form.FormatError("this state and this index are not of the same pass")
        one = cls(issuer_keys, expect)
        one.offset, one._key, one._over = kept.offset, kept.key, kept.over
        one._pending, one._proven, one._found, one.index = kept.pending, kept.proven, kept.found, index
        return one

    def _take(self, data: Buffer, record: Record) -> None:
        clear = chunk_head(data, record) if record.what == "chunk" else None
        if record.offset == 0:
            self._over = not self._open_head(data, record)
            return
        if self.index is not None:
            self.index.take(data, record, clear)
        if self._found.closed:
            self._add(self._found.end_ms, self._found.end_ms, record.offset, "after-close")
            self._over = True
            return
        if clear is not None:
            digest = form.digest(data[record.offset : record.offset + record.size])
            item = _Item(clear.number, clear.start_ms, clear.end_ms, record.offset, digest, clear.previous)
            self._pending.append(item)
        elif record.what in ("signature", "close"):
            self._seal(data, record)
        elif record.what == "torn":
            self._found.torn_bytes = record.size
        else:
            self._add(self._last_end(), self._last_end(), record.offset, "broken")

    def _open_head(self, data: Buffer, record: Record) -> bool:
        body = data[record.offset + form.RECORD.size : record.offset + record.size]
        if record.what == "torn":
            self._found.torn_bytes = record.size
            return False
        try:
            if record.what != "head":
                raise form.FormatError("the file does not begin with a head")
            head = form.unpack_head(body)
        except form.FormatError:
            self._add(0, 0, record.offset, "head")
            return False
        self._found.head = head
        self.index = Index(head, record.size)
        named = self._certified(head)
        if named is None or (self._expect is not None and self._expect != (head.session_id, head.segment)):
            self._add(0, 0, record.offset, "certificate")
            return False
        self._key = named
        digest = form.digest(data[record.offset : record.offset + record.size])
        self._pending.append(_Item(-1, 0, 0, record.offset, digest, b""))
        return True

    def _certified(self, head: form.Head) -> bytes | None:
        for issuer in self._issuers:
            try:
                body = open_token(issuer, form.CERTIFICATE_KIND, head.certificate, form.Certificate)
            except BadToken:
                continue
            if (body.session_id, body.segment) == (head.session_id, head.segment):
                return bytes.fromhex(body.key)
        return None

    def _seal(self, data: Buffer, record: Record) -> None:
        start = record.offset + form.RECORD.size
        seal, reason = form.unpack_seal(data[start : record.offset + record.size])
        closing = record.what == "close"
        newest = self._pending[-1] if self._pending else self._proven
        if not self._holds(seal, newest, reason if closing else None):
            self._add(self._last_end(), self._last_end(), record.offset, "signature")
            return
        self._prove()
        if closing:
            self._found.closed = True
            self._found.reason = reason.decode(errors="replace")
            self._found.end_ms = max(self._found.end_ms, seal.end_ms)
            if not self._found.damage:
                self._found.verified_ms = self._found.end_ms

    def _holds(self, seal: form.Seal, newest: _Item, reason: bytes | None) -> bool:
        head = self._found.head
        if head is None or seal.chunks != newest.number + 1 or (reason is None and seal.end_ms != newest.end_ms):
            return False
        body = form.chain_body(head.session_id, head.segment, seal.chunks, seal.end_ms, newest.digest, reason)
        try:
            check_bytes(self._key, form.CHAIN_KIND, body, seal.signature)
        except BadToken:
            return False
        return True

    def _prove(self) -> None:
        """The newest pending item is proven: walk back along the digests that the proven ones state."""
        proven = 0
        for place in range(len(self._pending) - 1, -1, -1):
            later = self._pending[place + 1] if place + 1 < len(self._pending) else None
            if later is not None and (later.previous != self._pending[place].digest):
                break
            proven += 1
        lost, good = self._pending[: len(self._pending) - proven], self._pending[len(self._pending) - proven :]
        if good:
            self._join(lost, good[0])
            self._proven = good[-1]
            self._found.end_ms = max(self._found.end_ms, good[-1].end_ms)
            if not self._found.damage:
                self._found.verified_ms = good[-1].end_ms
        self._pending = []

    def _join(self, lost: list[_Item], good: _Item) -> None:
        """Name what lies between the last proven item and `good`, the first one proven after it."""
        before = self._proven.end_ms
        if lost:
            start = lost[0].start_ms if before <= lost[0].start_ms <= good.start_ms else before
            self._add(start, max(good.start_ms, start), lost[0].offset, "head" if lost[0].number == -1 else "altered")
        elif good.previous != self._proven.digest:
            self._add(before, max(good.start_ms, before), good.offset, "missing")

    def _tail(self, found: Findings) -> None:
        """What follows the last signature is playable and not proven."""
        pending = self._pending
        links = [self._proven.digest, *(item.digest for item in pending)]
        whole = all(item.previous == link for item, link in zip(pending, links, strict=False))
        if whole and not any(d.what == "signature" for d in found.damage):
            found.unsigned_ms = max(0, pending[-1].end_ms - self._proven.end_ms)
        else:
            before = self._proven.end_ms
            start = pending[0].start_ms if pending[0].start_ms >= before else before
            found.damage.append(Damage(start, max(pending[-1].end_ms, start), pending[0].offset, "unsigned"))
        found.end_ms = max(found.end_ms, pending[-1].end_ms)

    def _last_end(self) -> int:
        return self._pending[-1].end_ms if self._pending else self._proven.end_ms

    def _add(self, from_ms: int, to_ms: int, offset: int, what: str) -> None:
        if len(self._found.damage) < MOST_DAMAGE:
            self._found.damage.append(Damage(from_ms, to_ms, offset, what))  # type: ignore[arg-type]
