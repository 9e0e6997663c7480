"""The message that tells a representative with extended availability of an invitation (R-235).

It names who invites and leads to a page behind the sign-in; nothing can be done with the message alone.
"""

from typing import Final

from django.conf import settings
from django.utils.translation import gettext

from farhand.web.mail import queries as mail
from farhand.web.mail.letters import MAX_SUBJECT, Letter
from farhand.web.mail.services import post
from farhand.web.project.service import Change
from farhand.web.support.models import Session

USEFUL_MS: Final = 24 * 3_600_000
"""After this time the message is not tried again."""
PAGE: Final = "/login/invitations/"


def send(change: Change, session: Session, invitation_id: str, address: str) -> None:
    """Post it, inside the service that invites. Raises TooManyMails and what else `post` raises."""
    names = {"name": _line(change.actor.name), "session": _line(session.name)}
    lines = [
        gettext("%(name)s invites you into the session with %(session)s.") % names,
        "",
        gettext("Accept or decline it here:"),
        f"{settings.FARHAND_PUBLIC_URL.rstrip('/')}{PAGE}{invitation_id}",
        "",
        gettext("You get this message because your extended availability is on. You can turn it off on that page."),
    ]
    post(
        change,
        purpose=mail.INVITATION,
        about=invitation_id,
        letter=Letter(
            sender=mail.current().sender,
            sender_name=_line(change.actor.name),
            to=address,
            subject=(gettext("%(name)s asks for your help") % names)[:MAX_SUBJECT],
            text="\n".join(lines) + "\n",
        ),
        useful_until_ms=change.now_ms + USEFUL_MS,
    )


def _line(text: str) -> str:
    """A name as it may stand in a header: customers choose theirs."""
    return "".join(one if one.isprintable() else " " for one in text)[:64]
