"""Session key invitations by mail: what they say, per public portal and language, and how they may be sent.

The text is a template of the portal's with macros (`%SESSION_URL%`); where a portal has none of its own in a language,
the default one of that language holds, and comes back when the own one is emptied. Rules: a macro's value is put in
once and never read as a macro itself; a subject stays one line; a macro that is none is refused when the template is
saved.
"""

import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal

import msgspec
from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.web.appliance.queries import KEY_MAIL, get, site_name
from farhand.web.appliance.services import put_setting
from farhand.web.mail.letters import MAX_SUBJECT, is_address, is_header
from farhand.web.mail.queries import is_ready
from farhand.web.portals import queries
from farhand.web.portals.models import Portal
from farhand.web.project.service import Change, Invalid, service

Sender = Literal["system", "own"]
MAX_BODY: Final = 4000
MACRO: Final = re.compile(r"%([A-Z_]+)%")
MACROS: Final = ("SESSION_URL", "SESSION_KEY", "EXPIRES", "REPRESENTATIVE", "SITE", "PORTAL")
"""What a template may name: the URL, the key as it is written, until when it starts a session, who invites, the name of
the site, the portal's address."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A message's subject and body, as template or filled in."""

    subject: str = ""
    body: str = ""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A portal's own invitation. Empty texts: the default ones."""

    sender: str = ""
    """Address that messages are from; empty: that of the mail server's settings."""
    texts: Mapping[str, Text] = {}
    """Language code to text."""


class KeyMail(msgspec.Struct, frozen=True, kw_only=True):
    """How session keys may be mailed."""

    local: bool = True
    """By the representative's own mail program: from their own address."""
    server: bool = False
    """By the appliance."""
    sender: Sender = "system"
    """From which address the appliance sends: the system's, or the one of the representative's account."""


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What the macros stand for in one invitation."""

    url: str
    key: str
    expires_ms: int
    representative: str
    portal: str
    zone: str = "UTC"
    """Time zone in which the end is told, by its IANA name; one that is not known is UTC."""


def key_mail() -> KeyMail:
    """How session keys may be mailed now."""
    return msgspec.convert(get(KEY_MAIL), KeyMail)


def ways() -> dict[str, bool]:
    """Which mail actions the session key dialog offers (R-093). The appliance's own needs a mail server."""
    now = key_mail()
    return {"local": now.local, "server": now.server and is_ready()}


def url_of(portal: Portal, host: str, token: str) -> str:
    """The address by which a key is used, for somebody who sees the host `host`: its token travels in the fragment,
    which no server sees.
    """
    return f"https://{queries.host_for(portal, host)}/#k={token}"


def template_of(portal: Portal) -> Template:
    """The portal's own invitation."""
    return msgspec.convert(portal.invitation, Template)


def default_text(language: str) -> Text:
    """The invitation of a portal that has none of its own in this language."""
    with translation.override(language):
        return Text(
            subject=gettext("Invitation to a support session"),
            body=gettext(
                "Hello,\n\n%%REPRESENTATIVE%% invites you to a support session. Follow this link to start it:\n\n"
                "%%SESSION_URL%%\n\nOr go to %%PORTAL%% and enter the session key %%SESSION_KEY%%.\n\n"
                "The invitation holds until %%EXPIRES%%. If you did not ask for help, delete this message.\n\n"
                "%%SITE%%\n"
            ).replace("%%", "%"),
        )


def template_text(portal: Portal, language: str) -> Text:
    """What holds in this language: the portal's own subject and body, else the default ones."""
    own, default = template_of(portal).texts.get(language, Text()), default_text(language)
    return Text(subject=own.subject or default.subject, body=own.body or default.body)


def filled(portal: Portal, language: str, values: Values) -> Text:
    """The invitation in this language, with its macros filled in."""
    text = template_text(portal, language)
    with translation.override(language):
        until = datetime.fromtimestamp(values.expires_ms / 1000, _zone(values.zone))
        expires = f"{date_format(until, 'DATETIME_FORMAT')} ({until.tzname()})"
    words = {
        "SESSION_URL": values.url,
        "SESSION_KEY": values.key,
        "EXPIRES": expires,
        "REPRESENTATIVE": values.representative,
        "SITE": site_name(),
        "PORTAL": values.portal,
    }

    def put(found: re.Match[str]) -> str:
        return words.get(found[1], found[0])

    subject = " ".join(MACRO.sub(put, text.subject).split())[:MAX_SUBJECT]
    return Text(subject="".join(one for one in subject if one.isprintable()), body=MACRO.sub(put, text.body))


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return UTC


def language_for(portal: Portal, wanted: str) -> str:
    """`wanted` where the portal speaks it, else the portal's first language."""
    codes = [code for code, _name in queries.languages_of(portal)]
    return wanted if wanted in codes else codes[0]


@service("portals.portal.edit_invitation", events="invitations show in /login, and in the dialog once a key is made")
def edit_invitation(change: Change, *, portal_id: str, sender: str, texts: Mapping[str, Text]) -> None:
    """Set a portal's own invitation; a text that is empty or the default one is the default one from then on. Raises
    Refused, Invalid (fields `sender`, `subject_CODE`, `body_CODE`), NotThere.
    """
    change.allow(Object(kind="portal", id=portal_id))
    portal = queries.portal_or_raise(portal_id)
    if sender and not is_address(sender):
        raise Invalid("sender", gettext("This is not a mail address. Write it like name@example.com."))
    known = dict(settings.LANGUAGES)
    own = {code: _own(code, text) for code, text in texts.items() if code in known}
    template = Template(sender=sender, texts={code: text for code, text in own.items() if text != Text()})
    before, portal.invitation = portal.invitation, msgspec.to_builtins(template)
    portal.save()
    change.audit(name=queries.name_of(portal), old=before, new=portal.invitation)


@service("portals.key_mail.edit", events="what is offered comes with each session key")
def edit_key_mail(change: Change, *, options: KeyMail) -> None:
    """Choose how session keys may be mailed (R-093). Raises Refused."""
    change.allow(Object(kind="site"))
    change.audit(old=msgspec.to_builtins(key_mail()), new=msgspec.to_builtins(options))
    put_setting(KEY_MAIL, msgspec.to_builtins(options))


def _own(code: str, text: Text) -> Text:
    """What is kept of a text that was entered. Raises Invalid."""
    default = default_text(code)
    subject = " ".join(text.subject.split())
    body = "\n".join(line.rstrip() for line in text.body.strip().splitlines())
    for name, entered, most in (("subject", subject, MAX_SUBJECT), ("body", body, MAX_BODY)):
        field = f"{name}_{code}"
        for macro in MACRO.findall(entered):
            if macro not in MACROS:
                names = ", ".join(f"%{one}%" for one in MACROS)
                wrong = gettext("%(macro)s is no macro. There are: %(names)s.")
                raise Invalid(field, wrong % {"macro": f"%{macro}%", "names": names})
        if len(entered) > most or "\0" in entered or (name == "subject" and not is_header(entered, most)):
            raise Invalid(field, gettext("This text is too long: at most %(count)d characters.") % {"count": most})
    if body and "%SESSION_URL%" not in body and "%SESSION_KEY%" not in body:
        wrong = gettext("An invitation needs %SESSION_URL% or %SESSION_KEY%: else nobody can follow it.")
        raise Invalid(f"body_{code}", wrong)
    return Text(
        subject="" if subject == default.subject else subject,
        body="" if not body or body == default.body.strip() else body + "\n",
    )


def told(portal: Portal) -> dict[str, Any]:
    """What the form of a portal's invitation begins with."""
    values: dict[str, Any] = {"sender": template_of(portal).sender}
    for code, _name in settings.LANGUAGES:
        text = template_text(portal, code)
        values |= {f"subject_{code}": text.subject, f"body_{code}": text.body}
    return values
