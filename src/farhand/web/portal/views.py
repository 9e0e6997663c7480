"""Pages of the public portal: session key, representatives, issues, and the help that they lead to.

Which portal it is follows from the host name (`farhand.web.portals`). The cookie `__Host-farhand-join` holds the join
token of the session that this browser began; it is the customer's only way into it. Rules: a GET changes nothing;
wrong, used and expired keys differ in one sentence only; a portal speaks its own languages only, first the browser's.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from farhand.web.api.views import caller
from farhand.web.appliance import keys
from farhand.web.jump import commands
from farhand.web.jump import queries as jump
from farhand.web.portal.forms import HelpForm
from farhand.web.portal.packages import with_comment
from farhand.web.portals import queries as portals
from farhand.web.project.errors import Conflict, Invalid, NotThere, ServiceError
from farhand.web.project.middleware import service_error_json
from farhand.web.project.service import now_ms
from farhand.web.routing.queries import issues_of
from farhand.web.routing.requests import ask_for_help
from farhand.web.support import chats, queries
from farhand.web.support.entrances import Request
from farhand.web.support.key_services import Throttled, UnknownKey, UsedKey, use_session_key

COOKIE = "__Host-farhand-join"
COOKIE_S = 24 * 3600
CHAT = "/help/chat"
View = Callable[[HttpRequest], HttpResponse]


def speaks(view: View) -> View:
    """In one of the portal's languages: the chosen one, or the browser's, else the portal's first."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        codes = [code for code, _name in portals.languages_of(portals.portal_for(request.get_host()))]
        if translation.get_language() in codes:
            return view(request)
        with translation.override(codes[0]):
            response = view(request)
            response["Content-Language"] = codes[0]
            return response

    return inner


@require_GET
@speaks
def home(request: HttpRequest) -> HttpResponse:
    """The ways to get help; with the token in the fragment (`/#k=TOKEN`, `/s#TOKEN`) the page's script sends it."""
    return _home(request, join=_join_info(request))


@require_POST
@speaks
def start(request: HttpRequest) -> HttpResponse:
    """Use a session key, where the portal takes keys that are typed, or the token of its URL."""
    token = request.POST.get("token", "")[:256]
    key = request.POST.get("key", "")[:256]
    portal = portals.portal_for(request.get_host())
    try:
        if not token and not portal.session_keys:
            raise UnknownKey
        used = use_session_key(caller(request), key=key, token=token, portal=portals.name_of(portal))
    except ServiceError as error:
        response = _home(request, status=error.status, wrong=error.text, typed="" if token else key[:32])
        if isinstance(error, Throttled):
            response["Retry-After"] = str(error.wait_s)
        return response
    return _to_help(used)


@require_POST
@speaks
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for help without a key: by an issue and what the form has, or by a representative."""
    portal = portals.portal_for(request.get_host())
    language = translation.get_language() or ""
    person = request.POST.get("representative", "")[:36]
    form = _help_form(request, portal.id, None if person else request.POST)
    given: dict[str, str] = {}
    if not person:
        if not form.is_valid():
            return _home(request, status=400, form=form)
        given = form.cleaned_data
    issue = given.pop("issue", "")
    wish = Request(language=language, **given)
    try:
        used = ask_for_help(
            caller(request), portal_id=portal.id, issue_id=issue, representative_id=person, request=wish
        )
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, error.text)
        return _home(request, status=error.status, form=form)
    except ServiceError as error:
        return _home(request, status=error.status, form=form, no_help=error.text)
    return _to_help(used)


@require_GET
@speaks
def help_page(request: HttpRequest) -> HttpResponse:
    """Who will help, what happens next, and the client; shows how the session stands."""
    info = _join_info(request)
    if info is None:
        return render(request, "portal/gone.html", status=404)
    if info.click_to_chat and info.state != "ended":
        return redirect(CHAT)
    return _help(request, info)


@require_http_methods(["GET", "HEAD", "POST"])
@speaks
def chat_page(request: HttpRequest) -> HttpResponse:
    """Click-to-chat: a POST begins it (R-022); the page is where the customer chats, and comes back after a reload."""
    info = _join_info(request)
    if info is None:
        return render(request, "portal/gone.html", status=404)
    if request.method == "POST":
        try:
            chats.chat(caller(request), request.COOKIES[COOKIE])
        except Conflict as error:
            return _help(request, info, status=error.status, wrong=error.text)
        return redirect(CHAT)
    if not info.click_to_chat or info.state == "ended":
        return redirect("/help")
    return render(request, "portal/chat.html", _context(request, info))


@require_POST
@speaks
def chat_ticket(request: HttpRequest) -> HttpResponse:
    """A fresh ticket for the page's leg, as JSON for its script."""
    try:
        ticket = chats.chat(caller(request), request.COOKIES.get(COOKIE, ""))
    except ServiceError as error:
        return service_error_json(error)
    return JsonResponse(msgspec.to_builtins(ticket))


@require_POST
@speaks
def end(request: HttpRequest) -> HttpResponse:
    """The customer ends the session."""
    chats.end(caller(request), request.COOKIES.get(COOKIE, ""))
    return redirect("/help")


@require_GET
@speaks
def help_state(request: HttpRequest) -> HttpResponse:
    """How the session stands, as JSON for the page's script."""
    info = _join_info(request)
    if info is None:
        return JsonResponse({"state": "ended", "text": gettext("This session has ended.")})
    return JsonResponse(_state(info))


@require_POST
def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The client file with this session's way in as its comment."""
    info = _join_info(request)
    if info is None or info.state == "ended":
        return render(request, "portal/gone.html", status=404)
    path = jump.client_file()
    if path is None:
        raise NotThere(gettext("The client for Linux is missing on this appliance. Ask its administrator to build it."))
    way_in = {"server": _server(request), "site_key": keys.site_public(), "join": request.COOKIES[COOKIE]}
    size, blocks = with_comment(path, msgspec.json.encode(way_in))
    response = StreamingHttpResponse(blocks, content_type="application/octet-stream")
    response["Content-Length"] = str(size)
    response["Content-Disposition"] = content_disposition_header(True, path.name) or "attachment"
    return response


def _help(request: HttpRequest, info: queries.JoinInfo, *, status: int = 200, wrong: str = "") -> HttpResponse:
    portal = portals.portal_for(request.get_host())
    context = _context(request, info) | {"wrong": wrong, "chat": portal.click_to_chat and info.state == "joining"}
    return render(request, "portal/help.html", context, status=status)


def _context(request: HttpRequest, info: queries.JoinInfo) -> dict[str, Any]:
    """What the pages of a session share: how it stands, and the client."""
    languages = portals.languages_of(portals.portal_for(request.get_host()))
    context: dict[str, Any] = {"info": info, "state": _state(info), "languages": languages}
    try:
        context["command"] = commands.help_command(_server(request), request.COOKIES[COOKIE])
    except ServiceError as error:
        context["no_client"] = error.text if isinstance(error, Conflict) else ""
    return context


def _home(request: HttpRequest, *, status: int = 200, form: HelpForm | None = None, **context: Any) -> HttpResponse:
    portal = portals.portal_for(request.get_host())
    issues = issues_of(portal.id) if portal.issue_form else []
    context |= {
        "portal": portal,
        "languages": portals.languages_of(portal),
        "representatives": portals.representatives_of(portal),
        "form": (form or _help_form(request, portal.id, None)) if issues else None,
    }
    return render(request, "portal/home.html", context, status=status)


def _help_form(request: HttpRequest, portal_id: str, data: QueryDict | None) -> HelpForm:
    return HelpForm(data, issues=[(issue.id, issue.description) for issue in issues_of(portal_id)])


def _to_help(used: UsedKey) -> HttpResponse:
    response = redirect("/help")
    response.set_cookie(COOKIE, used.join, max_age=COOKIE_S, secure=True, httponly=True, samesite="Lax")
    return response


def _join_info(request: HttpRequest) -> queries.JoinInfo | None:
    return queries.join_info(request.COOKIES.get(COOKIE, ""), now_ms())


def _state(info: queries.JoinInfo) -> dict[str, str]:
    texts = {
        "joining": gettext("Waiting for you to start the client."),
        "waiting": gettext("Waiting for %(name)s.") % {"name": info.representative},
        "active": gettext("%(name)s is helping you.") % {"name": info.helper or info.representative},
        "ended": gettext("This session has ended."),
    }
    return {"state": info.state, "text": f"{texts[info.state]} {info.said}".rstrip()}


def _server(request: HttpRequest) -> str:
    host = request.get_host()
    return f"https://{host}" if host else str(settings.FARHAND_PUBLIC_URL)
