"""Identifiers: UUIDv7 (RFC 9562 section 5.7), so that rows and files sort by the time at which they were made."""

import secrets
import time
import uuid


def new_id() -> str:
    """Return a new UUIDv7 as 36 lower-case characters.

    The first 48 bits are Unix milliseconds, the other 74 free bits are random (`secrets`).
    """
    millis = time.time_ns() // 1_000_000
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | secrets.randbits(80)
    value &= ~(0xF << 76)
    value |= 0x7 << 76
    value &= ~(0x3 << 62)
    value |= 0x2 << 62
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Say whether `text` is a UUID in its canonical 36 characters (any version)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
