"""`/appliance`: the machine itself, with accounts and a cookie of its own."""

import datetime
import functools
import platform
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from farhand.rules.access import Object, decide
from farhand.web.accounts import signin
from farhand.web.design.pages import actor_of, done
from farhand.web.login.forms import SignInForm

FIRST_PAGE = "/appliance/status/basics"
SIGN_IN = "/appliance/sign-in"


def box_page(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page for signed-in appliance accounts."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @functools.wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not decide(actor_of(request).subject, "appliance.box.view", Object(kind="page")):
            return redirect(SIGN_IN)
        return view(request)

    return guarded


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """/appliance itself."""
    return redirect(FIRST_PAGE if actor_of(request).subject.kind == "appliance-user" else SIGN_IN)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """User name and password of an appliance account."""
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        if done(form, lambda: signin.enter_appliance(request, given["username"], given["password"])):
            return redirect(FIRST_PAGE)
    context = {"form": form, "appliance": True, "next": ""}
    return render(request, "login/sign_in.html", context, status=403 if form.errors else 200)


@require_http_methods(["POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out of /appliance, at once."""
    signin.leave(request)
    return redirect("/appliance/signed-out")


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Say that signing out happened."""
    if actor_of(request).subject.kind == "appliance-user":
        return redirect(FIRST_PAGE)
    return render(request, "login/signed_out.html", {"again": SIGN_IN})


@box_page
def basics(request: HttpRequest) -> HttpResponse:
    """Status > Basics: time, version, system."""
    context = {
        "time": datetime.datetime.now(datetime.UTC),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.node(),
    }
    return render(request, "login/box_basics.html", context)
