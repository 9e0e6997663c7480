"""Typed, signed statements: Ed25519 over a domain-separated JSON body.

Form of a token, before unpadded base64url: 64 bytes of signature, then the JSON body. What is signed is
`b"farhand\\0" + kind + b"\\0" + body`, so that a token of one kind can never pass for another. The body is decoded only
after the signature held, into a msgspec Struct of the caller's choice (strict types, unknown fields ignored).
"""

import base64
import binascii
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

T = TypeVar("T")

MAX_TOKEN = 16_384
"""Longest token text that is looked at, in characters."""


class BadToken(Exception):
    """The text is not a token of this kind signed by this key; the message says which part failed."""


def new_key() -> Ed25519PrivateKey:
    """Make a signing key."""
    return Ed25519PrivateKey.generate()


def seed_of(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 secret bytes of a signing key."""
    return key.private_bytes_raw()


def key_from_seed(seed: bytes) -> Ed25519PrivateKey:
    """Rebuild a signing key from its 32 secret bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of the public key."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def sign_bytes(key: Ed25519PrivateKey, kind: str, body: bytes) -> bytes:
    """Return the 64-byte signature over `body` for `kind`."""
    return key.sign(_signed(kind, body))


def check_bytes(public: bytes, kind: str, body: bytes, signature: bytes) -> None:
    """Raise BadToken unless `signature` is that of `public` over `body` for `kind`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(kind, body))
    except (InvalidSignature, ValueError) as error:
        raise BadToken(f"the signature of this {kind} does not hold") from error


def sign_token(key: Ed25519PrivateKey, kind: str, value: msgspec.Struct) -> str:
    """Sign `value` and return the token's text (base64url without padding)."""
    body = msgspec.json.encode(value)
    return base64.urlsafe_b64encode(sign_bytes(key, kind, body) + body).rstrip(b"=").decode()


def open_token(public: bytes, kind: str, text: str, as_type: type[T]) -> T:
    """Check a token's signature and decode its body.

    Expiry is the caller's to check: only the caller knows its clock. Raises BadToken.
    """
    if len(text) > MAX_TOKEN:
        raise BadToken(f"this {kind} is too long")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken(f"this {kind} is not base64url text") from error
    if len(raw) < 66:
        raise BadToken(f"this {kind} is too short")
    check_bytes(public, kind, raw[64:], raw[:64])
    try:
        return msgspec.json.decode(raw[64:], type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadToken(f"the content of this {kind} is not understood") from error


def _signed(kind: str, body: bytes) -> bytes:
    return b"farhand\0" + kind.encode() + b"\0" + body
