"""Whom the agent trusts: the site key, not the certificate.

A server proves over each new connection that its TLS key is certified by the pinned site key: it sends a
`SiteStatement` signed by the site key, and the statement must name the very TLS key of this connection (SHA-256 of its
SubjectPublicKeyInfo). So a new certificate for the same site is accepted, and nobody else's is, whoever signed it.

Rules: `kit.net.endpoint_context` asks no certificate authority; in the agent `core.wire` and `core.https` alone use
it, and both call `check_site` before they send a byte of their own. There is no way to switch the check off.
"""

from farhand.agent.core.errors import WrongSiteError
from farhand.agent.texts import _
from farhand.kit.clock import Clock, SystemClock
from farhand.kit.signing import BadToken, open_token
from farhand.protocol.messages import SiteStatement

SKEW_MS = 10 * 60 * 1000
"""How far the clocks of endpoint and appliance may be apart, in milliseconds."""

WRONG_SITE = _(
    "This server is not the site that this client belongs to: its proof does not hold for the pinned site key. "
    "Nothing was sent to it."
)
OTHER_TLS_KEY = _(
    "This connection does not end at the site that this client belongs to: the TLS key is not the one that the site "
    "has certified. Nothing was sent over it."
)
EXPIRED_STATEMENT = _(
    "The site's proof is expired or not yet valid: check date and time of this machine and of the appliance. "
    "Nothing was sent."
)


class SiteGuard:
    """Judges servers by one pinned site key."""

    def __init__(self, site_key: str, clock: Clock | None = None) -> None:
        """Pin `site_key`: 64 hex characters of an Ed25519 public key."""
        self._public = bytes.fromhex(site_key)
        self._clock = clock if clock is not None else SystemClock()

    def check_site(self, statement: str, spki: str) -> None:
        """Raise WrongSiteError unless the site certifies the TLS key `spki` (hex) now."""
        try:
            known = open_token(self._public, "site", statement, SiteStatement)
        except BadToken as error:
            raise WrongSiteError(WRONG_SITE) from error
        if known.spki != spki:
            raise WrongSiteError(OTHER_TLS_KEY)
        now = self._clock.now_ms()
        if now > known.expires_ms + SKEW_MS or now < known.issued_ms - SKEW_MS:
            raise WrongSiteError(EXPIRED_STATEMENT)
