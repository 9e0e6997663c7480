"""Frames: the unit that travels on a leg, one per WebSocket binary message.

    offset  size  field
    0       1     version   always 1
    1       1     type      meaning depends on the channel's kind; 0xF0 and above mean the same on all channels
    2       2     channel   kind << 8 | instance (little endian, like every number here)
    4       2     leg       from an endpoint: 0 = every leg that may see it, else only that leg; from others: their own
    leg 6       2     reserved  0
    8       4     length    of the payload in bytes; must be exactly what follows

A leg can only speak as itself: the relay compares `leg` with the number that it gave out and closes on a difference, so
frames are forwarded without being rewritten.
"""

import struct
from typing import NamedTuple

import msgspec

VERSION = 1
HEADER = struct.Struct("<BBHHHI")
HEADER_SIZE = HEADER.size
MAX_PAYLOAD = 1 << 20
"""Longest payload of any frame, in bytes. Bulk keeps to 16 KiB chunks; only a screen key frame comes near."""

EVERY_LEG = 0
RECORDER_LEG = 0xFFFF


class FrameError(Exception):
    """The bytes are not a frame. The message names the field; the socket that sent them is closed."""


class Frame(NamedTuple):
    """One frame; `payload` may be a view into a buffer that the next read overwrites."""

    type: int
    channel: int
    leg: int
    payload: bytes | memoryview


def parse(data: bytes | bytearray | memoryview) -> Frame:
    """Split a WebSocket message into a Frame. The payload is a view, nothing is copied. Raises FrameError."""
    size = len(data)
    if size < HEADER_SIZE:
        raise FrameError(f"a frame needs {HEADER_SIZE} bytes of header, {size} came")
    version, kind, channel, leg, reserved, length = HEADER.unpack_from(data)
    if version != VERSION:
        raise FrameError(f"frame version {version} is not understood, {VERSION} is")
    if reserved:
        raise FrameError("the reserved field of a frame must be 0")
    if length > MAX_PAYLOAD:
        raise FrameError(f"a payload of {length} bytes is over the limit of {MAX_PAYLOAD}")
    if length != size - HEADER_SIZE:
        raise FrameError(f"the frame announces {length} bytes and carries {size - HEADER_SIZE}")
    return Frame(kind, channel, leg, memoryview(data)[HEADER_SIZE:])


def build(kind: int, channel: int, leg: int = EVERY_LEG, payload: bytes | memoryview = b"") -> bytes:
    """Return the bytes of one frame. Raises FrameError when the payload is over MAX_PAYLOAD."""
    if len(payload) > MAX_PAYLOAD:
        raise FrameError(f"a payload of {len(payload)} bytes is over the limit of {MAX_PAYLOAD}")
    return HEADER.pack(VERSION, kind, channel, leg, 0, len(payload)) + bytes(payload)


def control_frame(kind: int, message: msgspec.Struct, leg: int = EVERY_LEG) -> bytes:
    """Return a frame of the control channel (0) with this message as JSON. Raises FrameError when it is too long."""
    return build(kind, 0, leg, msgspec.json.encode(message))
