"""What must be there before anything serves: folders, the database's schema, a TLS pair, cookies' key, a claim link.

Run by `farhand serve` before it starts its programs, and by `farhand` subcommands that need the database. It may run at
every start: what exists stays.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import django


def set_up(data: Path, public_url: str | None = None) -> None:
    """Start Django in this process for a data folder. Call once, before any import of models."""
    os.environ["FARHAND_DATA"] = str(data)
    if public_url:
        os.environ["FARHAND_PUBLIC_URL"] = public_url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "farhand.web.project.settings")
    os.umask(0o077)  # the database and its journal are nobody else's to read
    for folder in (data, data / "keys", data / "tls", data / "run"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _django_key(data)
    django.setup()


def prepare(data: Path, public_url: str) -> str | None:
    """Make the data folder ready. Returns a new claim link, or None when the appliance is claimed."""
    set_up(data, public_url)
    from django.core.management import call_command

    from farhand.web.accounts.claim import new_claim_link
    from farhand.web.appliance import keys, queries
    from farhand.web.project.service import SYSTEM

    call_command("migrate", interactive=False, verbosity=0)
    keys.make_tls(urlsplit(public_url).hostname or "localhost")
    if queries.is_claimed():
        return None
    return new_claim_link(SYSTEM)


def _django_key(data: Path) -> None:
    """Make `django.key` before the settings read it: the key module itself needs the settings."""
    import secrets

    from farhand.web.project.files import write_once

    write_once(data / "keys" / "django.key", secrets.token_urlsafe(48).encode())
