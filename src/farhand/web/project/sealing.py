"""Secrets that Farhand must be able to read again (a mail server's password), encrypted for the database.

The key comes from the site's `django.key`, which never enters the database: a copy of the database alone opens nothing.
Each purpose has a key of its own, so that what was sealed for one is never opened as another.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class NotOpened(ValueError):
    """What is stored was sealed with another key, or is damaged."""


def seal(purpose: str, text: str) -> str:
    """Encrypt `text`; `purpose` has at most 16 characters."""
    return _cipher(purpose).encrypt(text.encode()).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Return what was sealed for this purpose. Raises NotOpened."""
    try:
        return _cipher(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise NotOpened(f"what was stored for {purpose} was encrypted with another key") from error


def _cipher(purpose: str) -> Fernet:
    seed = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=purpose.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(seed))
