"""Data keys of recording segments: how they are wrapped for the site and unwrapped to play.

Every segment of a recording has its own random data key. `web` makes it, hands it to the relay (which writes with it
and forgets it) and keeps only the wrapped form, which also stands in the segment's head. The key that wraps is the
appliance's recordings key; it never leaves `web` and `worker`.

Form of a wrapped key, before unpadded base64url: byte 1 (the form's version), 12 random bytes of nonce, then
AES-256-GCM of the 32 key bytes (48 bytes with the tag). The associated data names session and segment, so that the
key of one segment cannot be slipped under another.
"""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_SIZE = 32
"""Bytes of a data key and of the key that wraps it."""

_VERSION = b"\x01"
_NONCE = 12
_RAW_SIZE = 1 + _NONCE + KEY_SIZE + 16


class BadKey(Exception):
    """The wrapped key does not open; the message says in one sentence why and what to do."""


def new_data_key() -> bytes:
    """Return 32 fresh random bytes for one segment."""
    return secrets.token_bytes(KEY_SIZE)


def wrap(kek: bytes, data_key: bytes, session_id: str, segment: int) -> str:
    """Return `data_key` (32 bytes) wrapped under `kek` (32 bytes) for one segment of one session."""
    if len(data_key) != KEY_SIZE:
        raise ValueError(f"a data key has {KEY_SIZE} bytes, not {len(data_key)}")
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(kek).encrypt(nonce, data_key, _bound(session_id, segment))
    return base64.urlsafe_b64encode(_VERSION + nonce + sealed).rstrip(b"=").decode()


def unwrap(kek: bytes, wrapped: str, session_id: str, segment: int) -> bytes:
    """Return the data key of this segment. Raises BadKey when the text is not a key wrapped for it under `kek`."""
    try:
        raw = base64.b64decode(wrapped + "=" * (-len(wrapped) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("the wrapped key of this recording is not base64url text; the file's head is damaged") from error
    if len(raw) != _RAW_SIZE or raw[:1] != _VERSION:
        raise BadKey(
            "the wrapped key of this recording has an unknown form; use the release that made it, or a newer one"
        )
    try:
        return AESGCM(kek).decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], _bound(session_id, segment))
    except InvalidTag as error:
        raise BadKey(
            "the recordings key of this appliance does not open this recording; restore the key it was made with"
        ) from error


def seal(kek: bytes, what: str, plain: bytes) -> bytes:
    """Return something that was made of recordings (`what` names it), encrypted under `kek` as they are."""
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(kek).encrypt(nonce, plain, b"farhand recording " + what.encode())


def unseal(kek: bytes, what: str, sealed: bytes) -> bytes:
    """Undo `seal`. Raises BadKey when it is something else, or was made under another key."""
    if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE + 16:
        raise BadKey("this was not made by this release; it is made again from the recording")
    try:
        bound = b"farhand recording " + what.encode()
        return AESGCM(kek).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], bound)
    except InvalidTag as error:
        raise BadKey("the recordings key of this appliance does not open this") from error


def _bound(session_id: str, segment: int) -> bytes:
    return f"farhand recording key\0{session_id}\0{segment}".encode()
