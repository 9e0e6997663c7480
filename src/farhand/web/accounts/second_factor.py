"""Second factors: time-based codes and recovery codes, kept by django-allauth's MFA, encrypted at rest.

The key comes from the site's `django.key`, which never enters the database: a copy of the database alone gives no
codes. Of allauth the tables and the algorithms are used, not the pages: all ways of signing in share our one verifier
(`signin.py`) with its throttle.
"""

import base64
import hmac
from typing import Final

from allauth.mfa.adapter import DefaultMFAAdapter
from django.db import transaction
from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.web.accounts.models import User
from farhand.web.project.sealing import seal, unseal
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, now_ms, service

PERIOD_S = 30
"""Length of a time-based code's period (RFC 6238)."""
PURPOSE: Final = "farhand-mfa"


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's adapter with encryption of what it stores."""

    def encrypt(self, text: str) -> str:
        """Encrypt a secret for the database."""
        return seal(PURPOSE, text)

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret from the database; raises ValueError when it was made with another key."""
        return unseal(PURPOSE, encrypted_text)


def is_on(user: User) -> bool:
    """Say whether the user must give a code after the password."""
    from allauth.mfa.models import Authenticator

    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


def new_secret() -> str:
    """Make the secret of an authenticator app (base32 text, 160 bits)."""
    from allauth.mfa.totp.internal.auth import generate_totp_secret

    return str(generate_totp_secret())


def setup_of(user: User, secret: str) -> tuple[str, str]:
    """Return the `otpauth:` address of a secret, and its QR code as a `data:` address of an SVG."""
    adapter = Adapter()
    url = str(adapter.build_totp_url(user, secret))
    svg = str(adapter.build_totp_svg(url))
    return url, "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def check_code(user: User, code: str) -> bool:
    """Check a time-based code or a recovery code; each holds once."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16:
        return False
    if _use_time_code(user, digits):
        return True
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return row is not None and bool(RecoveryCodes(row).validate_code(digits))


def _use_time_code(user: User, digits: str) -> bool:
    """Check a time-based code of the period now, before or after, and use up its period and all before.

    The used period stands in the row, not in a cache: it holds over a restart and in every process.
    """
    from allauth.mfa.models import Authenticator
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(user=user, type=Authenticator.Type.TOTP).first()
        if row is None:
            return False
        secret = Adapter().decrypt(row.data["secret"])
        now = now_ms() // 1000 // PERIOD_S
        for period in (now - 1, now, now + 1):
            right = hmac.compare_digest(format_hotp_value(hotp_value(secret, period)), digits)
            if right and period > row.data.get("used_period", 0):
                row.data["used_period"] = period
                row.save(update_fields=["data"])
                return True
    return False


def unused_recovery_codes(user: User) -> int:
    """How many recovery codes are left."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


@service("accounts.user.enable_second_factor", events="a second factor is no part of any snapshot")
def enable(change: Change, *, secret: str, code: str) -> list[str]:
    """Turn one's own second factor on; `code` proves that the app has the secret. Returns the recovery codes, shown
    once.
    """
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP

    user = _user(change.actor.subject.id)
    change.allow(Object(kind="user", id=user.id, owner=user.id))
    if is_on(user):
        raise Conflict(gettext("The second factor is on already."))
    Authenticator.objects.filter(user=user).delete()
    TOTP.activate(user, secret)
    if not _use_time_code(user, "".join(code.split())):
        raise Invalid(
            "code", gettext("This code is not right. Check the clock of your device and take the newest code.")
        )
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


@service("accounts.user.disable_second_factor", events="a second factor is no part of any snapshot")
def disable(change: Change, *, user_id: str) -> None:
    """Turn a second factor off: one's own, or by an administrator for somebody who lost the device."""
    from allauth.mfa.models import Authenticator

    user = _user(user_id)
    change.allow(Object(kind="user", id=user.id, owner=user.id))
    Authenticator.objects.filter(user=user).delete()


def _user(ident: str) -> User:
    user = User.objects.filter(id=ident).first()
    if user is None:
        raise NotThere(gettext("There is no such user any more."))
    return user
