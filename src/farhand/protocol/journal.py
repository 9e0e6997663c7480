"""The form of a session's journal file: what the relay appends and `worker` imports.

A file is a run of records, each `u32 length, u32 crc32(body), body` (little endian); the body is an `Entry` in JSON. A
cut or damaged tail ends the readable part: everything before it was written whole. The relay truncates such a tail
before it appends again, and nothing in it was acknowledged, because acknowledgement follows fsync. Damage that whole
records follow is no such tail: what is behind it counts (`read_damaged`).
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from farhand.protocol.channels import Kind, channel
from farhand.protocol.messages import NOT_UNDERSTOOD, Entry

SAID: Final = {"chat": Kind.CHAT, "rep-chat": Kind.REPS}
"""Kinds of entries that are what somebody said -> kind of the channel on which it was. All others are of SYSTEM."""

RECORD = struct.Struct("<II")
MAX_BODY = 65_536
_FIRST_FIELD = b'{"seq":'

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """Return one record."""
    body = _encoder.encode(entry)
    return RECORD.pack(len(body), zlib.crc32(body)) + body


def read_entries(data: bytes, offset: int = 0) -> Iterator[tuple[Entry, int]]:
    """Yield each whole entry from byte `offset` on, with the offset behind it; stop at a cut or damaged record."""
    while offset + RECORD.size <= len(data):
        length, checksum = RECORD.unpack_from(data, offset)
        end = offset + RECORD.size + length
        if length > MAX_BODY or end > len(data):
            return
        body = data[offset + RECORD.size : end]
        if zlib.crc32(body) != checksum:
            return
        try:
            entry = _decoder.decode(body)
        except NOT_UNDERSTOOD:
            return
        offset = end
        yield entry, offset


def read_damaged(data: bytes) -> tuple[list[tuple[Entry, int, int]], int]:
    """Return every whole entry (with its first byte and the one behind it) and the length of the torn tail in bytes.

    Where a record is damaged, the next one that is whole is looked for: an entry's JSON begins with its number. Numbers
    only rise, so nothing older counts again.
    """
    found: list[tuple[Entry, int, int]] = []
    begin = 0
    while begin < len(data):
        for entry, end in read_entries(data, begin):
            if found and entry.seq <= found[-1][0].seq:
                break
            found.append((entry, begin, end))
            begin = end
        mark = data.find(_FIRST_FIELD, begin + RECORD.size + 1)
        if mark < 0:
            break
        begin = mark - RECORD.size
    return found, len(data) - (found[-1][2] if found else 0)


def entry_channel(entry: Entry) -> int:
    """The channel on which an ENTRY travels."""
    return channel(SAID.get(entry.kind, Kind.SYSTEM))


def size_of(entry: Entry) -> int:
    """Bytes that an entry takes in the journal, with its head and the longest number."""
    return len(_encoder.encode(entry)) + 32
