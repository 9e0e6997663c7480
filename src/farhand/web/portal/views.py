"""Pages of the public portal: the key, and the help that it leads to.

The cookie `__Host-farhand-join` holds the join token of the session that this browser's key began; it is the
customer's only way into it. Rules: a GET changes nothing; wrong, used and expired keys differ in one sentence only.
"""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from farhand.web.api.views import caller
from farhand.web.appliance import keys
from farhand.web.jump import commands
from farhand.web.jump import queries as jump
from farhand.web.portal.packages import with_comment
from farhand.web.project.errors import Conflict, NotThere, ServiceError
from farhand.web.project.service import now_ms
from farhand.web.support import queries
from farhand.web.support.key_services import Throttled, use_session_key

COOKIE = "__Host-farhand-join"
COOKIE_S = 24 * 3600


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The session key form; with the token in the fragment (`/#k=TOKEN`, `/s#TOKEN`) the page's script sends it."""
    return render(request, "portal/home.html", {"join": _join_info(request)})


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Use a session key, or the token of its URL."""
    token = request.POST.get("token", "")[:256]
    key = request.POST.get("key", "")[:256]
    try:
        used = use_session_key(caller(request), key=key, token=token, portal=request.get_host()[:128])
    except ServiceError as error:
        context = {"wrong": error.text, "typed": "" if token else key[:32], "wait_s": getattr(error, "wait_s", 0)}
        response = render(request, "portal/home.html", context, status=error.status)
        if isinstance(error, Throttled):
            response["Retry-After"] = str(error.wait_s)
        return response
    response = redirect("/help")
    response.set_cookie(COOKIE, used.join, max_age=COOKIE_S, secure=True, httponly=True, samesite="Lax")
    return response


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """Who will help, what happens next, and the client; shows how the session stands."""
    info = _join_info(request)
    if info is None:
        return render(request, "portal/gone.html", status=404)
    context: dict[str, Any] = {"info": info, "state": _state(info)}
    try:
        context["command"] = commands.help_command(_server(request), request.COOKIES[COOKIE])
    except ServiceError as error:
        context["no_client"] = error.text if isinstance(error, Conflict) else ""
    return render(request, "portal/help.html", context)


@require_GET
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


def _join_info(request: HttpRequest) -> queries.JoinInfo | None:
    return queries.join_info(request.COOKIES.get(COOKIE, ""), now_ms())


def _state(info: queries.JoinInfo) -> dict[str, str]:
    texts = {
        "joining": gettext("Waiting for you to start the client."),
        "waiting": gettext("Waiting for %(name)s.") % {"name": info.representative},
        "active": gettext("%(name)s is helping you.") % {"name": info.helper or info.representative},
        "ended": gettext("This session has ended."),
    }
    return {"state": info.state, "text": texts[info.state]}


def _server(request: HttpRequest) -> str:
    host = request.get_host()
    return f"https://{host}" if host else str(settings.FARHAND_PUBLIC_URL)
