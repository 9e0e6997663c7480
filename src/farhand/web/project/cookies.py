"""Browser sessions in the database, by the hash of their key: who reads the table cannot use it.

The cookie holds 256 random bits; the row's key is their SHA-256. Otherwise this is Django's database store.
"""

import hashlib
import secrets
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone


def row_key(session_key: str) -> str:
    """Return the key under which the session of this cookie value is stored (40 characters are what the column
    takes).
    """
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """The database store with hashed keys."""

    def _get_new_session_key(self) -> str:
        return secrets.token_hex(32)

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and len(key or "") == 64

    def _get_session_from_db(self) -> Session | None:
        plain = self.session_key
        if plain is None:
            return None
        try:
            return Session.objects.get(session_key=row_key(plain), expire_date__gt=timezone.now())
        except Session.DoesNotExist:
            self._session_key = None
            return None

    def exists(self, session_key: str) -> bool:
        """Say whether a session of this cookie value is stored."""
        return self.model.objects.filter(session_key=row_key(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Build the row to store."""
        row = super().create_model_instance(data)
        row.session_key = row_key(str(self.session_key))
        assert isinstance(row, Session)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Remove a session, by default this one."""
        key = session_key or self.session_key
        if key is not None:
            self.model.objects.filter(session_key=row_key(key)).delete()
