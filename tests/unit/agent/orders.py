"""Orders for canned scripts as a site signs them, with keys of the tests' own."""

import hashlib
from typing import Any

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.scripts import ORDER_KIND, STATEMENT_KIND, IssuerStatement, RunScript, ScriptOrder

SITE, ISSUER, STRANGER = signing.new_key(), signing.new_key(), signing.new_key()
SESSION = new_id()
TEXT = "echo hello\n"
START = 1_000_000
"""When the session was joined, in milliseconds of the site's clock."""


def order(text: str = TEXT, **more: Any) -> ScriptOrder:
    """An order for this text, by leg 2."""
    fields: dict[str, Any] = {
        "jti": new_id(), "session_id": SESSION, "leg": 2, "script_id": new_id(), "name": "Hello", "context": "user",
        "time_limit_s": 60, "sha256": hashlib.sha256(text.encode()).hexdigest(), "issued_ms": START,
        "expires_ms": START + 60_000,
    }  # fmt: skip
    return ScriptOrder(**fields | more)


def message(
    wanted: ScriptOrder,
    *,
    text: str = TEXT,
    by: Any = ISSUER,
    certified: Any = ISSUER,
    site: Any = SITE,
    kind: str = ORDER_KIND,
    stated_ms: int = START,
) -> RunScript:
    """The order as a console hands it over; the statement is of `stated_ms` and holds for an hour."""
    key = signing.public_of(certified).hex()
    statement = IssuerStatement(key=key, issued_ms=stated_ms, expires_ms=stated_ms + 3_600_000)
    return RunScript(
        order=signing.sign_token(by, kind, wanted),
        issuer=signing.sign_token(site, STATEMENT_KIND, statement),
        text=text,
    )
