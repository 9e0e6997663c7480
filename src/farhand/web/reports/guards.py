"""What pages and data of reports share: who asks, what they may see, and that nothing leaves for others to keep."""

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from farhand.rules.access import Object, Subject, decide
from farhand.web.project.service import Actor, NotThere, Refused
from farhand.web.reports import queries
from farhand.web.support.models import Session

VIEW_S: Final = 12 * 3600
"""How long a player may fetch data after it was opened (and audited)."""
_SIGNER: Final = signing.TimestampSigner(salt="farhand.reports.view")

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(view: View[P]) -> View[P]:
    """People who have not signed in do so first; nothing is changed by any method but GET and HEAD."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if actor_of(request).subject.kind != "user":
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return cast(View[P], require_safe(inner))


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware put on the request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def ask(subject: Subject, action: str, obj: Object) -> None:
    """Raise Refused unless the rules allow it."""
    decision = decide(subject, action, obj)
    if not decision.allowed:
        raise Refused(gettext(decision.reason))


def session_for(subject: Subject, session_id: str, action: str) -> Session:
    """The session, if the subject may do this with its report. Raises NotThere, Refused."""
    session = queries.session_by_id(session_id)
    if session is None:
        raise NotThere(gettext("There is no report of this session."))
    ask(subject, action, queries.as_object(session))
    return session


def ticket(actor: Actor, session: Session) -> str:
    """What a player shows with every request, once its opening was audited."""
    return _SIGNER.sign(f"{actor.subject.id}/{session.id}")


def opened_session(request: HttpRequest, session_id: str) -> Session:
    """The session whose recording this person has opened in a player. Raises NotThere, Refused."""
    actor = actor_of(request)
    session = session_for(actor.subject, session_id, "reports.recording.view")
    try:
        if _SIGNER.unsign(request.GET.get("view", ""), max_age=VIEW_S) == f"{actor.subject.id}/{session.id}":
            return session
    except signing.BadSignature:
        pass
    raise Refused(gettext("Open the recording from its report again."))


def private(response: R, max_age: int = 300) -> R:
    """Only this person's browser may keep the answer, and not for long (0 = not at all)."""
    response["Cache-Control"] = f"private, max-age={max_age}" if max_age else "private, no-store"
    return response
