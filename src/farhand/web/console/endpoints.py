"""`/api/console/*`: the commands and reads of the web console, JSON in and out.

Every request needs the browser's signed-in session, every POST the CSRF token and an Origin of this very host. Bodies
are strict: an unknown field, a wrong type or a text that is too long is refused with one sentence. The services
decide the rest.
"""

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import APIKeyCookie
from pydantic import Field, StringConstraints

from farhand.web.accounts import signin
from farhand.web.appliance.queries import web_console_allowed
from farhand.web.console import collaboration, deploying, scripting, snapshot, teams
from farhand.web.console.bodies import Empty, Ident, Strict, TabBody, actor_of, ticket_value
from farhand.web.jump import queries as jump_queries
from farhand.web.jump import services as jump
from farhand.web.portals import invitations
from farhand.web.portals import queries as portals
from farhand.web.project.errors import Invalid, NotThere, Refused, ServiceError
from farhand.web.project.middleware import service_error_json
from farhand.web.project.service import Actor
from farhand.web.scripts import queries as script_queries
from farhand.web.scripts import services as scripts
from farhand.web.support import key_mail, key_services, services

Zone = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]
"""Name of a time zone."""


class KeyBody(Strict):
    """A session key's lifetime in seconds, and the public portal (id) to which its URL leads; None: the default one."""

    lifetime_s: int = 600
    portal_id: Ident | None = None
    zone: Zone = "UTC"


class KeyMailBody(Strict):
    """A session key that was just made, to be mailed by the appliance to an address."""

    key: Annotated[str, StringConstraints(max_length=32)]
    token: Annotated[str, StringConstraints(max_length=128)]
    portal_id: Ident | None = None
    to: Annotated[str, StringConstraints(max_length=254)]
    language: Annotated[str, StringConstraints(max_length=16)] = ""
    zone: Zone = "UTC"


class JumpBody(TabBody):
    """A Jump by this tab, with the Jump Client's password where it has one (R-211)."""

    password: Annotated[str, Field(max_length=1024)] = ""


class ScriptBody(TabBody):
    """A canned script to be run by the leg of this tab."""

    script_id: Ident
    context: Literal["user", "system"]
    parameters: Annotated[dict[str, str], Field(max_length=64)] = {}


class SignedIn(APIKeyCookie):
    """The browser's session, and CSRF for everything that changes something."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        """Return the actor, or None when nobody is signed in. Refused while the web console is switched off."""
        actor: Actor = request.actor  # type: ignore[attr-defined]
        if actor.subject.kind != "user":
            return None
        if not web_console_allowed():
            raise Refused(
                gettext("The web console is switched off. An administrator can allow it under Management > Security.")
            )
        return actor


api = NinjaAPI(title="console", auth=SignedIn(), docs_url=None, openapi_url=None, urls_namespace="console-api")
api.add_router("", collaboration.router)
api.add_router("", deploying.router)
api.add_router("", teams.router)


@api.get("/snapshot")
def get_snapshot(request: HttpRequest) -> Any:
    """Everything that this user's console shows."""
    return snapshot.snapshot(actor_of(request))


@api.post("/events-ticket")
def post_events_ticket(request: HttpRequest, body: Empty) -> Any:
    """A fresh ticket for the event socket."""
    return {"events_ticket": snapshot.events_ticket(actor_of(request))}


@api.post("/session-keys")
def post_session_key(request: HttpRequest, body: KeyBody) -> Any:
    """Make a session key."""
    portal = portals.portal_by_id(body.portal_id) if body.portal_id else portals.default()
    if portal is None:
        raise Invalid("portal_id", gettext("There is no such public portal any more."))
    actor, host = actor_of(request), request.get_host()
    key = key_services.create_session_key(actor, lifetime_s=body.lifetime_s, portal=portals.name_of(portal))
    return {
        "key": key.key,
        "shown": key.shown,
        "url": invitations.url_of(portal, host, key.token),
        "expires_ms": key.expires_ms,
        "portal": key.portal,
        "token": key.token,
        "mail": invitations.ways() | {"texts": key_mail.texts(actor, portal.id, key, host, body.zone)},
    }


@api.post("/session-keys/mail")
def post_session_key_mail(request: HttpRequest, body: KeyMailBody) -> Any:
    """Send a session key by mail; how it went is told in the collection `mails`."""
    mailed = key_mail.Mailed(
        key=body.key,
        token=body.token,
        portal_id=body.portal_id or portals.DEFAULT_ID,
        host=request.get_host(),
        language=body.language,
        zone=body.zone,
    )
    return {"mail": key_mail.send_session_key(actor_of(request), mailed=mailed, to=body.to)}


@api.post("/sessions/next")
def post_next(request: HttpRequest, body: TabBody) -> Any:
    """Get Next Session: take the one that is due first."""
    return ticket_value(services.accept_next(actor_of(request), tab=body.tab))


@api.post("/sessions/{session_id}/accept")
def post_accept(request: HttpRequest, session_id: Ident, body: TabBody) -> Any:
    """Take a waiting session."""
    return ticket_value(services.accept(actor_of(request), session_id=session_id, tab=body.tab))


@api.post("/sessions/{session_id}/ticket")
def post_ticket(request: HttpRequest, session_id: Ident, body: TabBody) -> Any:
    """A fresh ticket for a tab of a member."""
    return ticket_value(services.console_ticket(actor_of(request), session_id=session_id, tab=body.tab))


@api.post("/sessions/{session_id}/leave")
def post_leave(request: HttpRequest, session_id: Ident, body: Empty) -> Any:
    """Leave a session; another member owns it, or it waits."""
    services.leave(actor_of(request), session_id=session_id)
    return {}


@api.post("/sessions/{session_id}/end")
def post_end(request: HttpRequest, session_id: Ident, body: Empty) -> Any:
    """End a session for all."""
    services.end_session(actor_of(request), session_id=session_id)
    return {}


@api.get("/sessions/{session_id}/scripts")
def get_scripts(request: HttpRequest, session_id: Ident) -> Any:
    """The canned scripts that this user may have run in a session."""
    return {"scripts": script_queries.usable(actor_of(request).subject, session_id)}


@api.post("/sessions/{session_id}/scripts")
def post_script(request: HttpRequest, session_id: Ident, body: ScriptBody) -> Any:
    """Order one run of a canned script; the console hands the order to the endpoint."""
    ordered = scripts.order_script(
        actor_of(request),
        session_id=session_id,
        tab=body.tab,
        script_id=body.script_id,
        context=body.context,
        parameters=body.parameters,
    )
    return {"run": ordered.run, "order": ordered.order, "issuer": ordered.issuer, "text": ordered.text}


@api.get("/script-matches")
def get_script_matches(request: HttpRequest) -> Any:
    """The Jump Items that a client script's criteria name; the parameters are those of `/api/client_script`."""
    command = scripting.parse(dict(request.GET.lists()))
    if command.type != "web_console":
        raise Invalid("type", gettext("This command is for the desktop console."))
    return {"items": jump_queries.matching(actor_of(request).subject, command.parameters)}


@api.post("/jump-items/{item_id}/jump")
def post_jump(request: HttpRequest, item_id: Ident, body: JumpBody) -> Any:
    """Start a session with a Jump Client."""
    return ticket_value(jump.start_jump(actor_of(request), client_id=item_id, tab=body.tab, password=body.password))


@api.post("/logout")
def post_logout(request: HttpRequest, body: Empty) -> Any:
    """Sign this browser out, at once; the page that follows says so (R-257)."""
    signin.leave(request)
    return {"redirect": "/console?signed-out"}


@api.exception_handler(AuthenticationError)
def signed_out(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Nobody is signed in."""
    return _error(401, "signed-out", gettext("You are signed out. Sign in again."))


@api.exception_handler(ValidationError)
def not_understood(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The body or the address is not as described."""
    if any(
        field in one["loc"] for one in error.errors for field in ("session_id", "item_id", "invitation_id", "team_id")
    ):
        return service_error_json(NotThere(gettext("This does not exist any more.")))
    fields = ", ".join(sorted({str(one["loc"][-1])[:64] for one in error.errors}))
    return _error(
        400, "invalid", gettext("This request was not understood (%(fields)s). Reload the page.") % {"fields": fields}
    )


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    """No proof of origin, or a body that is no JSON."""
    if error.status_code == 403:
        return _error(403, "csrf", gettext("This page has been open for too long. Reload it and try again."))
    return _error(error.status_code, "bad-request", gettext("This request was not understood. Reload the page."))


@api.exception_handler(ServiceError)
def service_said_no(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """A service's no."""
    return service_error_json(error)


def _error(status: int, code: str, text: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "text": text}}, status=status)
