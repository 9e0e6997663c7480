"""What every request passes: the right cookie for its face, nothing but the claim before the claim, who is asking.

Order matters and stands in the settings. The address of the client is REMOTE_ADDR: `wsgi.py` took it from the relay.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext

from farhand.kit.log import get_log
from farhand.rules.access import Subject
from farhand.web.project.errors import ServiceError
from farhand.web.project.service import Actor, now_ms

log = get_log("web")
SIGNED_IN_MS = "signed_in_ms"
"""Key in the session: when the password was given, milliseconds."""
CLAIM_LINK = re.compile(r"/claim/[^/]+")
"""The one address that is served before the claim."""
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def is_appliance(request: HttpRequest) -> bool:
    """Say whether the address belongs to /appliance, which has accounts and a cookie of its own."""
    return request.path == "/appliance" or request.path.startswith("/appliance/")


class SessionPerFaceMiddleware(SessionMiddleware):
    """Django's sessions, with a cookie of its own for /appliance: signing in to one face never signs in to the
    other.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Open the session of the face's cookie."""
        name = settings.APPLIANCE_COOKIE_NAME if is_appliance(request) else settings.SESSION_COOKIE_NAME
        request.session = self.SessionStore(request.COOKIES.get(name))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Store the session and set the cookie under the face's name."""
        if not is_appliance(request):
            return super().process_response(request, response)
        name, other = settings.APPLIANCE_COOKIE_NAME, settings.SESSION_COOKIE_NAME
        # Django's code knows one cookie name: let it see this face's cookie under it, then give it its own name back.
        kept = request.COOKIES.pop(other, None)
        if name in request.COOKIES:
            request.COOKIES[other] = request.COOKIES[name]
        answer = super().process_response(request, response)
        request.COOKIES.pop(other, None)
        if kept is not None:
            request.COOKIES[other] = kept
        if other in answer.cookies:
            morsel = answer.cookies.pop(other)
            morsel.set(name, morsel.value, morsel.coded_value)
            answer.cookies[name] = morsel
        return answer


class UnclaimedMiddleware:
    """Before the claim every address but the claim link and the static files answers 503 and says what to do."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass claimed requests on."""
        from farhand.web.appliance.queries import is_claimed

        if is_claimed() or CLAIM_LINK.fullmatch(request.path):
            return self.get_response(request)
        if "/api/" in request.path:
            text = gettext(
                "This appliance has not been claimed yet. Open the claim link that it printed when it started."
            )
            answer: HttpResponse = JsonResponse({"error": {"code": "not-claimed", "text": text}}, status=503)
        else:
            answer = render(request, "design/unclaimed.html", status=503)
        answer["Retry-After"] = "30"
        answer["Cache-Control"] = "no-store"
        return answer


class ActorMiddleware:
    """Puts `request.actor` on every request: what services want to know of who is asking. Signed-out is `anonymous`."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Find out who asks, pass on, and keep private pages out of shared caches."""
        _end_old_session(request)
        request.actor = actor_of(request)  # type: ignore[attr-defined]
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response


def _end_old_session(request: HttpRequest) -> None:
    """Sign out what signed in longer ago than `FARHAND_SESSION_LIMIT_S`, however busy it was."""
    since = request.session.get(SIGNED_IN_MS)
    if isinstance(since, int) and now_ms() - since > settings.FARHAND_SESSION_LIMIT_S * 1000:
        request.session.flush()
        request.user = AnonymousUser()


def actor_of(request: HttpRequest) -> Actor:
    """Build the actor of a request from its session."""
    from farhand.web.accounts import queries

    source = str(request.META.get("REMOTE_ADDR", ""))
    if is_appliance(request):
        account = queries.appliance_user_of(request.session)
        if account is not None:
            subject = Subject(kind="appliance-user", id=account.id)
            return Actor(subject=subject, name=account.username, user=account, source_ip=source)
    elif request.user.is_authenticated:
        return Actor(
            subject=queries.subject_of(request.user),
            name=request.user.display_name,
            user=request.user,
            source_ip=source,
        )
    return Actor(subject=Subject(kind="anonymous"), source_ip=source)


class ServiceErrorMiddleware:
    """Turns a service's no into an answer: JSON below /api/, a page elsewhere."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a ServiceError; leave all else to Django."""
        if not isinstance(exception, ServiceError):
            return None
        if request.path.startswith("/api/"):
            return service_error_json(exception)
        context: dict[str, Any] = {"text": exception.text, "status": exception.status}
        return render(request, "design/error.html", context, status=exception.status)


def service_error_json(error: ServiceError) -> JsonResponse:
    """The JSON form of a service's no."""
    body: dict[str, Any] = {"code": error.code, "text": error.text}
    field = getattr(error, "field", "")
    if field:
        body["field"] = field
    return JsonResponse({"error": body}, status=error.status)
