"""The doors: the claim, signing in (password, code), signing out, giving the password again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from farhand.web.accounts import claim as claiming
from farhand.web.accounts import signin
from farhand.web.design.pages import SIGN_IN, actor_of, attempt, done, page, safe_next
from farhand.web.login.forms import ClaimForm, CodeForm, ConfirmForm, SignInForm
from farhand.web.project.errors import NotThere
from farhand.web.project.service import now_ms

FIRST_PAGE = "/login/status/information"


@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """The claim page. After the claim its address is gone."""
    from farhand.web.appliance.queries import is_claimed

    if is_claimed():
        raise NotThere(gettext("There is no page at this address."))
    if len(token) > 64 or not claiming.link_holds(token, now_ms()):
        return render(request, "login/claim_gone.html", status=503)
    form = ClaimForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        user = attempt(
            form,
            lambda: claiming.claim(
                actor_of(request),
                token=token,
                username=given["username"],
                display_name=given["display_name"],
                password=given["password"],
                web_console=given["web_console"],
                appliance_username=given["appliance_username"],
                appliance_password=given["appliance_password"],
            ),
        )
        if user is not None:
            signin.enter(request, user, factors=1)
            messages.success(request, gettext("This appliance is yours now."))
            return redirect("/login/my-account/second-factor?offer=1")
    return render(request, "login/claim.html", {"form": form}, status=200 if request.method != "POST" else 400)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """/login itself."""
    return redirect(FIRST_PAGE if actor_of(request).subject.kind == "user" else SIGN_IN)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """User name and password."""
    to = safe_next(request, FIRST_PAGE)
    if actor_of(request).subject.kind == "user" and request.method != "POST":
        return redirect(to)
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        outcome = attempt(form, lambda: signin.start(request, given["username"], given["password"]))
        if outcome == "signed-in":
            return redirect(to)
        if outcome == "code-needed":
            return render(request, "login/code.html", {"form": CodeForm(), "next": to})
    return render(request, "login/sign_in.html", {"form": form, "next": to}, status=403 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The code of the second factor."""
    to = safe_next(request, FIRST_PAGE)
    if not signin.is_pending(request):
        return redirect(SIGN_IN)
    form = CodeForm(request.POST or None)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: signin.finish(request, form.cleaned_data["code"]))
    ):
        return redirect(to)
    return render(request, "login/code.html", {"form": form, "next": to}, status=403 if form.errors else 200)


@require_http_methods(["POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out completely, at once."""
    signin.leave(request)
    return redirect("/login/signed-out")


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Say that signing out happened (or, with an old link, that one is still signed in)."""
    if actor_of(request).subject.kind == "user":
        return redirect(FIRST_PAGE)
    return render(request, "login/signed_out.html", {"again": SIGN_IN})


@page("accounts.self.view")
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for the password again before something that matters."""
    to = safe_next(request, FIRST_PAGE)
    form = ConfirmForm(request.POST or None)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: signin.confirm(request, form.cleaned_data["password"]))
    ):
        return redirect(to)
    return render(request, "login/confirm.html", {"form": form, "next": to}, status=403 if form.errors else 200)
