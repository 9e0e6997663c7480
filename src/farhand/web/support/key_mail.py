"""Sending a session key by mail: what a representative sees before, and what the appliance sends.

A key's texts exist in the browser that made it alone, so that browser says them again; they must be those of one key
that is the representative's own and can still be used. Rules: the appliance sends the portal's text and nothing that
the browser wrote; one key goes to a few addresses only; what was sent is in the audit, without the key.
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec
from django.utils.translation import gettext

from farhand.rules import keys as rules
from farhand.rules.access import Object
from farhand.web.mail import queries as mail
from farhand.web.mail import services as mailing
from farhand.web.mail.letters import Letter, is_address
from farhand.web.portals import invitations
from farhand.web.portals import queries as portals
from farhand.web.portals.invitations import Text, Values
from farhand.web.project.service import Actor, Change, Conflict, NotThere, service
from farhand.web.support import lives
from farhand.web.support.entrances import hash_of
from farhand.web.support.key_services import NewKey
from farhand.web.support.models import SessionKey

PURPOSE: Final = "session-key"
MAX_ADDRESSES: Final = 5
"""To so many addresses one key may be sent: it starts one session."""


class Mailed(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is to be mailed: what its dialog shows, and for whom."""

    key: str
    token: str
    portal_id: str
    host: str
    """Host (with port) under which the representative sees the appliance."""
    language: str
    zone: str = "UTC"


def texts(actor: Actor, portal_id: str, made: NewKey, host: str, zone: str) -> dict[str, dict[str, str]]:
    """The invitation to a new key in every language of its portal: `subject` and `body` by language code."""
    portal = portals.portal_or_raise(portal_id)
    url = invitations.url_of(portal, host, made.token)
    values = _values(actor, url, made.shown, made.expires_ms, zone)
    return {
        code: msgspec.to_builtins(invitations.filled(portal, code, values))
        for code, _name in portals.languages_of(portal)
    }


@service("support.session_key.mail")
def send_session_key(change: Change, *, mailed: Mailed, to: str) -> str:
    """Send a key of the calling representative by the appliance (R-092); returns the message's id. Raises Refused,
    NotThere, Invalid, Conflict, TooManyMails.
    """
    row = SessionKey.objects.filter(
        token_hash=hash_of("token", mailed.token[:128]),
        key_hash=hash_of("key", rules.normalise_key(mailed.key, 12) or ""),
    ).first()
    change.allow(Object(kind="session_key", id=row.id if row else "", owner=row.creator_id if row else None),
                 lives.context(change))  # fmt: skip
    if row is None or row.used_at_ms is not None or row.expires_ms <= change.now_ms:
        raise NotThere(gettext("This session key cannot be used any more. Make a new one."))
    if not invitations.ways()["server"]:
        raise Conflict(
            gettext("Sending session keys by the appliance is switched off. An administrator can allow it under "
                    "Configuration > Options.")
        )  # fmt: skip
    about = f"session_key:{row.id}"
    if mail.count_about(about) >= MAX_ADDRESSES:
        raise Conflict(gettext("This session key has been sent several times already. Make a new one."))
    portal = portals.portal_by_id(mailed.portal_id)
    if portal is None or portals.name_of(portal) != row.portal:
        raise NotThere(gettext("There is no such public portal any more."))
    language = invitations.language_for(portal, mailed.language)
    url = invitations.url_of(portal, mailed.host, mailed.token)
    shown = rules.shown_key(rules.normalise_key(mailed.key, 12) or "")
    values = _values(change.actor, url, shown, row.expires_ms, mailed.zone)
    text = invitations.filled(portal, language, values)
    change.audit(session_key=row.id, portal=row.portal, language=language)
    return mailing.post(
        change,
        purpose=PURPOSE,
        letter=_letter(change.actor, invitations.template_of(portal).sender, to.strip(), text),
        about=about,
        useful_until_ms=row.expires_ms,
    )


def _letter(actor: Actor, of_portal: str, to: str, text: Text) -> Letter:
    system = of_portal or mail.current().sender
    own = str(actor.user.email) if actor.user and is_address(actor.user.email) else ""
    sender = own if own and invitations.key_mail().sender == "own" else system
    name = "".join(one for one in actor.name if one.isprintable())[:64]
    return Letter(
        sender=sender,
        sender_name=name,
        reply_to=own if own != sender else "",
        to=to,
        subject=text.subject,
        text=text.body,
    )


def _values(actor: Actor, url: str, key: str, expires_ms: int, zone: str) -> Values:
    return Values(
        url=url,
        key=key,
        expires_ms=expires_ms,
        representative=actor.name,
        portal=f"https://{urlsplit(url).netloc}",
        zone=zone,
    )
