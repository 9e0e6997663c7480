"""`/console`, the page that loads the web console, with a sign-in of its own (R-031), and the way there of a script."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from farhand.web.accounts import signin
from farhand.web.appliance.queries import site_name, web_console_allowed
from farhand.web.console import scripting
from farhand.web.design.policy import may_decode
from farhand.web.project.errors import Invalid, Refused

MAX_FIELD = 1024


@may_decode
@require_http_methods(["GET", "POST"])
def console(request: HttpRequest) -> HttpResponse:
    """The console for who is signed in, else its sign-in page; a page that says so while it is switched off."""
    if not web_console_allowed():
        return render(request, "console/off.html", status=403)
    signed_in = request.actor.subject.kind == "user"  # type: ignore[attr-defined]
    if request.method == "POST":
        return redirect("/console") if signed_in else _sign_in(request)
    if signed_in:
        return render(request, "console/console.html")
    told = gettext("You have signed out.") if "signed-out" in request.GET else ""
    return render(request, "console/sign_in.html", {"code_due": signin.is_pending(request), "told": told})


@require_safe
def client_script(request: HttpRequest) -> HttpResponse:
    """Lead who is signed in to the console with the command, who is not by way of `/login` (R-043, R-044).

    For a desktop console the answer is a console script file (R-041, R-060). What is not understood is answered with
    a page that says what is.
    """
    try:
        command = scripting.parse(dict(request.GET.lists()))
    except Invalid as error:
        return render(request, "console/script_wrong.html", {"wrong": error.text}, status=400)
    if command.type == "rep":
        name = "".join(character for character in site_name().lower() if character.isascii() and character.isalnum())
        answer = HttpResponse(command.as_script(), content_type="application/octet-stream")
        answer["Content-Disposition"] = f'attachment; filename="{command.action}.brcs-{name or "site"}"'
        return answer
    if not web_console_allowed():
        return render(request, "console/off.html", status=403)
    if request.actor.subject.kind != "user":  # type: ignore[attr-defined]
        return redirect("/login/sign-in?" + urlencode({"next": f"/api/client_script?{command.as_query()}"}))
    return redirect(f"/console?{command.as_query()}")


def _sign_in(request: HttpRequest) -> HttpResponse:
    try:
        if "code" in request.POST:
            signin.finish(request, request.POST["code"][:MAX_FIELD])
        else:
            name, password = request.POST.get("username", ""), request.POST.get("password", "")
            signin.start(request, name[:MAX_FIELD], password[:MAX_FIELD])
    except Refused as error:
        context = {
            "code_due": signin.is_pending(request),
            "wrong": error.text,
            "username": request.POST.get("username", "")[:64],
        }
        return render(request, "console/sign_in.html", context, status=403)
    return redirect("/console")
