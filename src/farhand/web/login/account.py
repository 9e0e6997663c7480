"""My Account: profile, the web console's launch button, password, second factor."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.rules.permissions import CHANGE_DISPLAY_NAME, EXTENDED_AVAILABILITY
from farhand.web.accounts import second_factor, services
from farhand.web.appliance.queries import web_console_allowed
from farhand.web.design.pages import actor_of, attempt, done, page, saved
from farhand.web.login.forms import AvailabilityForm, CodeForm, OwnPasswordForm, ProfileForm
from farhand.web.mail.queries import is_ready

SECURITY = "/login/my-account/security"
SECRET = "second_factor_secret"  # noqa: S105 - the session's key for it


@page("accounts.self.view")
def profile(request: HttpRequest) -> HttpResponse:
    """Names of the account, and the way to the console."""
    actor = actor_of(request)
    form = ProfileForm(request.POST or None, initial={"display_name": actor.user.display_name})
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.change_profile(actor, display_name=form.cleaned_data["display_name"]))
    ):
        messages.success(request, gettext("Your display name has been saved."))
        return redirect("/login/my-account/profile")
    return _profile(request, form)


@page("accounts.self.view")
def availability(request: HttpRequest) -> HttpResponse:
    """Extended availability, on or off."""
    actor = actor_of(request)
    form = AvailabilityForm(request.POST if request.method == "POST" else None)
    page_of_it = "/login/my-account/profile"
    if request.method != "POST":
        return redirect(page_of_it)
    answer = saved(
        request,
        form,
        lambda: services.set_available(actor, on=form.cleaned_data["extended_availability"]),
        gettext("Your extended availability has been saved."),
        page_of_it,
    )
    return answer or _profile(request, ProfileForm(initial={"display_name": actor.user.display_name}), form)


def _profile(request: HttpRequest, form: ProfileForm, availability: AvailabilityForm | None = None) -> HttpResponse:
    """The page of names and availability; 400 when what was sent is not so."""
    actor = actor_of(request)
    user = actor.user
    context = {
        "form": form,
        "user": user,
        "console": web_console_allowed(),
        "may_rename": actor.subject.has(CHANGE_DISPLAY_NAME),
        "may_extend": user.extended_availability or actor.subject.has(EXTENDED_AVAILABILITY),
        "mail": is_ready(),
        "availability": availability or AvailabilityForm(initial={"extended_availability": user.extended_availability}),
    }
    wrong = form.errors or (availability is not None and availability.errors)
    return render(request, "login/profile.html", context, status=400 if wrong else 200)


@page("accounts.self.view")
def security(request: HttpRequest) -> HttpResponse:
    """Password and second factor."""
    user = actor_of(request).user
    context = {"second_factor": second_factor.is_on(user), "codes_left": second_factor.unused_recovery_codes(user)}
    return render(request, "login/security.html", context)


@page("accounts.self.view")
def password(request: HttpRequest) -> HttpResponse:
    """A new password of one's own."""
    form = OwnPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        user = attempt(
            form, lambda: services.change_own_password(actor_of(request), old=given["old"], new=given["new"])
        )
        if user is not None:
            update_session_auth_hash(request, user)  # other browsers are signed out, this one stays
            messages.success(request, gettext("Your password has been changed. Other browsers have been signed out."))
            return redirect(SECURITY)
    return render(request, "login/password.html", {"form": form, "back": SECURITY}, status=400 if form.errors else 200)


@page("accounts.self.view", recent=True)
def second_factor_on(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app; shows the recovery codes once."""
    actor = actor_of(request)
    if second_factor.is_on(actor.user):
        return redirect(SECURITY)
    secret = request.session.get(SECRET)
    if not secret:
        secret = request.session[SECRET] = second_factor.new_secret()
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        codes = attempt(form, lambda: second_factor.enable(actor, secret=secret, code=form.cleaned_data["code"]))
        if codes is not None:
            request.session.pop(SECRET, None)
            return render(request, "login/recovery_codes.html", {"codes": codes})
    url, picture = second_factor.setup_of(actor.user, secret)
    context = {"form": form, "secret": secret, "url": url, "picture": picture, "offer": request.GET.get("offer") == "1"}
    return render(request, "login/second_factor.html", context, status=400 if form.errors else 200)


@page("accounts.self.view", recent=True)
def second_factor_off(request: HttpRequest) -> HttpResponse:
    """Turn one's own second factor off."""
    if request.method == "POST":
        second_factor.disable(actor_of(request), user_id=actor_of(request).user.id)
        messages.success(request, gettext("The second factor is off."))
        return redirect(SECURITY)
    return render(request, "login/second_factor_off.html", {"back": SECURITY})
