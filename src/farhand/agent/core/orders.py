"""Orders to run canned scripts, judged: nothing runs that the site did not sign for this very leg, text and minute.

Why it exists: whoever may use canned scripts may not run what they like. A console brings the text, so it is believed
only with an order of the site: signed by a key that the pinned site key certifies, for this session, for the leg that
sent it, for exactly this text, once.

Rules: time is the appliance's, as it said in HELLO of the last joining plus what has gone by since; clocks of endpoints
are wrong. A statement from the future is the site's all the same: only its end counts, and that it is not of another
age. What was issued before this program joined the session is refused, because an earlier program may have taken it
already. Nothing of a message is used before all of it is judged.
"""

import hashlib
import time
from collections.abc import Callable

from farhand.agent.texts import _
from farhand.kit.signing import BadToken, open_token
from farhand.protocol.scripts import ORDER_KIND, ORDER_MS, STATEMENT_KIND, IssuerStatement, RunScript, ScriptOrder

MOST_REMEMBERED = 4096
"""Orders that hold still and were taken; more than so many a minute are refused."""


class OrderError(Exception):
    """The script is not run; the message is a sentence for people."""

    def __init__(self, text: str, order: ScriptOrder | None = None) -> None:
        super().__init__(text)
        self.order = order
        """What was ordered, when the site did sign it."""


class Orders:
    """The orders of one session."""

    def __init__(self, site_key: str, session_id: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`site_key`: the pinned key, hex. `monotonic`: seconds."""
        self._site_key = bytes.fromhex(site_key)
        self._session_id = session_id
        self._monotonic = monotonic
        self._offset_ms: float | None = None
        self._since_ms = 0
        self._taken: dict[str, int] = {}
        """Run -> when its order expires."""

    def server_time(self, server_ms: int, heard_s: float) -> None:
        """The appliance said what time it is there; that was heard at `heard_s` of the monotonic clock."""
        if self._offset_ms is None:
            self._since_ms = server_ms
        self._offset_ms = server_ms - heard_s * 1000

    def take(self, leg: int, message: RunScript) -> ScriptOrder:
        """Return the order, which nobody can use again. Raises OrderError."""
        if self._offset_ms is None:
            raise OrderError(_("The session has not begun."))
        now = int(self._offset_ms + self._monotonic() * 1000)
        try:
            issuer = open_token(self._site_key, STATEMENT_KIND, message.issuer, IssuerStatement)
            if not issuer.issued_ms - ORDER_MS <= now <= issuer.expires_ms:
                raise BadToken("the statement is not valid now")
            order = open_token(bytes.fromhex(issuer.key), ORDER_KIND, message.order, ScriptOrder)
        except BadToken as error:
            raise OrderError(_("This script was not ordered by the site, so it was not run.")) from error
        if order.session_id != self._session_id or order.leg != leg:
            raise OrderError(_("This script was ordered by somebody else, so it was not run."), order)
        if hashlib.sha256(message.text.encode()).hexdigest() != order.sha256:
            raise OrderError(_("This is not the script that was ordered, so it was not run."), order)
        self._take_once(order, now)
        return order

    def _take_once(self, order: ScriptOrder, now: int) -> None:
        if now > order.expires_ms or order.issued_ms < self._since_ms:
            raise OrderError(_("This order came too late, so the script was not run. Run it again."), order)
        self._taken = {run: expires for run, expires in self._taken.items() if expires >= now}
        if order.jti in self._taken:
            raise OrderError(_("This script was run already. Run it again."), order)
        if len(self._taken) >= MOST_REMEMBERED:
            raise OrderError(_("Too many scripts were run. Try again in a minute."), order)
        self._taken[order.jti] = order.expires_ms
