"""The jobs of mail: one message is handed to the mail server; what may pass is tried again, a few times."""

from typing import Final

from farhand.rules.text import gettext_noop as _
from farhand.web.jobs.kinds import Again, Failed, Kind, Outcome, Work
from farhand.web.mail import queries, services
from farhand.web.mail.letters import BadLetter, as_bytes
from farhand.web.mail.models import FAILED, SENT, WAITING
from farhand.web.mail.smtp import NotSent, send
from farhand.web.project.sealing import NotOpened
from farhand.web.project.service import SYSTEM, now_ms

PAUSES_S: Final = (60, 300, 900, 3600)
NO_PASSWORD: Final = _(
    "The stored password cannot be read any more. Enter it again under Management > Email Configuration."
)
NOT_WRITTEN: Final = _("This message cannot be written any more.")


def send_message(work: Work) -> Outcome:
    """Send the message of a job. A message that is over already is left alone: nothing is sent twice on purpose."""
    message = queries.message_by_id(str(work.params.get("message", "")))
    letter = queries.letter_of(message) if message is not None and message.state == WAITING else None
    if message is None or message.state != WAITING:
        return Outcome()
    work.tell(0.1)
    try:
        if letter is None:
            raise NotSent(NOT_WRITTEN, passing=False)
        if message.useful_until_ms is not None and message.useful_until_ms <= now_ms():
            raise NotSent(services.GONE, message.answer, passing=False)
        text = as_bytes(letter, ident=message.id, domain=queries.domain(), now_ms=message.created_ms)
        answer = send(queries.server(), letter.sender, letter.to, text)
    except NotSent as error:
        _not_sent(work, message.id, error)
    except BadLetter as error:
        _not_sent(work, message.id, NotSent(NOT_WRITTEN, str(error), passing=False))
    except NotOpened:
        _not_sent(work, message.id, NotSent(NO_PASSWORD, passing=False))
    else:
        services.note(SYSTEM, message_id=message.id, state=SENT, answer=answer)
    return Outcome()


def _not_sent(work: Work, message_id: str, error: NotSent) -> None:
    """Raise what the job ends with, after it is written down."""
    again = error.passing and not work.last
    services.note(
        SYSTEM, message_id=message_id, state=WAITING if again else FAILED, error=error.text, answer=error.answer
    )
    raise (Again if again else Failed)(error.text)


KINDS: Final = {
    "mail": Kind(send_message, short=True, pauses_s=PAUSES_S),
    "mail-test": Kind(send_message, short=True),
}
