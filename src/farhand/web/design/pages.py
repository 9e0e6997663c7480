"""What the pages of /login share: who may see them, how a form meets a service.

Rules: a page asks the rules for its action, as services do; a change is a POST that calls one service; afterwards the
browser is sent on, so that reloading repeats nothing.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from farhand.rules.access import Object, decide
from farhand.web.accounts import signin
from farhand.web.project.errors import Invalid, Refused, ServiceError
from farhand.web.project.service import Actor

P = ParamSpec("P")
T = TypeVar("T")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

SIGN_IN = "/login/sign-in"


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware put on the request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def page(action: str, *, recent: bool = False) -> Callable[[View[P]], View[P]]:
    """A page of /login: signed in (else off to the sign-in page), and allowed `action`.

    `recent`: the password must have been given in the last five minutes, else it is asked for again first.
    """

    def wrap(view: View[P]) -> View[P]:
        @require_http_methods(["GET", "HEAD", "POST"])
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            actor = actor_of(request)
            if actor.subject.kind != "user":
                return redirect(f"{SIGN_IN}?next={quote(request.get_full_path())}")
            decision = decide(actor.subject, action, Object(kind="page"))
            if not decision:
                raise Refused(gettext(decision.reason))
            if recent and not signin.is_recent(request):
                return redirect(f"/login/confirm?next={quote(request.path)}")
            return view(request, *args, **kwargs)

        return guarded

    return wrap


def safe_next(request: HttpRequest, default: str = "/login") -> str:
    """The address in `next`, if it is one of this appliance; else `default`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    fine = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=True)
    return wanted if fine and wanted.startswith("/") else default


def attempt(form: Form, call: Callable[[], T]) -> T | None:
    """Call a service for a valid form; put its no into the form and return None."""
    try:
        return call()
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, error.text)
        return None
    except ServiceError as error:
        form.add_error(None, error.text)
        return None


def done(form: Form, call: Callable[[], object]) -> bool:
    """Like `attempt`, for services whose result does not matter: say whether it was done."""

    def run() -> bool:
        call()
        return True

    return attempt(form, run) is True


def saved(request: HttpRequest, form: Form, call: Callable[[], object], told: str, to: str) -> HttpResponse | None:
    """Call a service when a valid form was sent; where it was done, say `told` and send the browser on to `to`.

    None: the page is to be shown, with what the form has to say.
    """
    if request.method != "POST" or not form.is_valid() or not done(form, call):
        return None
    messages.success(request, told)
    return redirect(to)
