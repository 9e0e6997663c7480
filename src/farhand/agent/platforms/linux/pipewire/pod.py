"""Values as PipeWire's programs negotiate them (SPA POD): each is size, type, body, filled up to eight bytes.

Rules: no input or output. Numbers of types and keys are those of PipeWire's stable binary interface (spa/utils/type.h,
spa/param/format.h, spa/param/buffers.h). What is read is bounded by what was given.
"""

import struct

ID, INT, RECTANGLE, FRACTION, OBJECT, CHOICE = 3, 4, 10, 11, 15, 19
RANGE, ONE_OF, FLAGS = 1, 3, 4
_HEAD = struct.Struct("=II")
_CODES = {ID: "I", INT: "i", RECTANGLE: "II", FRACTION: "II"}


def value(kind: int, *numbers: int) -> bytes:
    """Return one value."""
    return _pod(kind, struct.pack("=" + _CODES[kind], *numbers))


def choice(how: int, kind: int, *values: tuple[int, ...]) -> bytes:
    """Return a choice; the first value is the preferred one, then least and most, or all that can be."""
    code = "=" + _CODES[kind]
    body = b"".join(struct.pack(code, *each) for each in values)
    return _pod(CHOICE, struct.pack("=IIII", how, 0, struct.calcsize(code), kind) + body)


def thing(kind: int, number: int, properties: dict[int, bytes]) -> bytes:
    """Return an object: its type, which parameter it is, and its values by key."""
    body = _HEAD.pack(kind, number)
    return _pod(OBJECT, body + b"".join(_HEAD.pack(key, 0) + each for key, each in properties.items()))


def read_thing(data: bytes) -> dict[int, tuple[int, ...]]:
    """Return the numbers of an object's values by key; of a choice its first. What is strange is left out."""
    if len(data) < 16 or _HEAD.unpack_from(data)[1] != OBJECT:
        return {}
    found: dict[int, tuple[int, ...]] = {}
    end, at = min(len(data), 8 + _HEAD.unpack_from(data)[0]), 16
    while at + 16 <= end:
        key, _flags, size, kind = struct.unpack_from("=IIII", data, at)
        body = data[at + 16 : min(at + 16 + size, end)]
        if kind == CHOICE and len(body) >= 16:
            kind, body = struct.unpack_from("=I", body, 12)[0], body[16:]
        code = "=" + _CODES.get(kind, "")
        if kind in _CODES and len(body) >= struct.calcsize(code):
            found[key] = struct.unpack_from(code, body)
        at += 16 + size + -size % 8
    return found


def _pod(kind: int, body: bytes) -> bytes:
    return _HEAD.pack(len(body), kind) + body + b"\0" * (-len(body) % 8)
