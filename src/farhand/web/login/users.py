"""Users & Security > Users."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts import queries, second_factor, services
from farhand.web.accounts.models import User
from farhand.web.design.pages import actor_of, attempt, done, page
from farhand.web.login.forms import SetPasswordForm
from farhand.web.login.user_forms import NewUserForm, UserForm
from farhand.web.project.errors import NotThere

LIST = "/login/users-security/users"


@page("accounts.users.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All users."""
    return render(request, "login/users.html", {"users": queries.users()})


@page("accounts.users.view", recent=True)
def new(request: HttpRequest) -> HttpResponse:
    """Create a user."""
    form = NewUserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        user = attempt(
            form,
            lambda: services.create_user(
                actor_of(request),
                username=given["username"],
                display_name=given["display_name"],
                password=given["password"],
                email=given["email"],
                permissions=form.permissions(),
                limits=form.limits(),
            ),
        )
        if user is not None:
            messages.success(request, gettext("User %(name)s has been created.") % {"name": user.username})
            return redirect(LIST)
    return render(request, "login/user.html", {"form": form, "user": None}, status=400 if form.errors else 200)


@page("accounts.users.view", recent=True)
def edit(request: HttpRequest, user_id: str) -> HttpResponse:
    """Names and permissions of a user."""
    user = _user(user_id)
    initial = {"display_name": user.display_name, "email": user.email}
    form = UserForm(
        request.POST or None,
        initial=initial,
        own=user.permissions,
        sources=user.resolved().sources,
        limits=user.limits,
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        saved = attempt(
            form,
            lambda: services.edit_user(
                actor_of(request),
                user_id=user.id,
                display_name=given["display_name"],
                email=given["email"],
                permissions=form.permissions(),
                limits=form.limits(),
            ),
        )
        if saved is not None:
            messages.success(request, gettext("User %(name)s has been saved.") % {"name": user.username})
            return redirect(LIST)
    context = {"form": form, "user": user, "second_factor": second_factor.is_on(user)}
    return render(request, "login/user.html", context, status=400 if form.errors else 200)


@page("accounts.users.view", recent=True)
def disable(request: HttpRequest, user_id: str) -> HttpResponse:
    """Disable a user, or enable again."""
    user = _user(user_id)
    if request.method == "POST":
        services.disable_user(actor_of(request), user_id=user.id, disabled=request.POST.get("disabled") == "1")
        return redirect(f"{LIST}/{user.id}")
    return redirect(f"{LIST}/{user.id}")


@page("accounts.users.view", recent=True)
def password(request: HttpRequest, user_id: str) -> HttpResponse:
    """Give a user a new password."""
    user = _user(user_id)
    form = SetPasswordForm(request.POST or None)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(
            form,
            lambda: services.set_password(actor_of(request), user_id=user.id, password=form.cleaned_data["password"]),
        )
    ):
        messages.success(request, gettext("%(name)s has a new password.") % {"name": user.username})
        return redirect(f"{LIST}/{user.id}")
    context = {"form": form, "user": user, "back": f"{LIST}/{user.id}"}
    return render(request, "login/password.html", context, status=400 if form.errors else 200)


@page("accounts.users.view", recent=True)
def second_factor_off(request: HttpRequest, user_id: str) -> HttpResponse:
    """Turn the second factor of somebody off who lost the device."""
    user = _user(user_id)
    if request.method == "POST":
        second_factor.disable(actor_of(request), user_id=user.id)
        messages.success(request, gettext("The second factor is off."))
        return redirect(f"{LIST}/{user.id}")
    return render(request, "login/second_factor_off.html", {"user": user, "back": f"{LIST}/{user.id}"})


def _user(ident: str) -> User:
    user = queries.user_by_id(ident)
    if user is None:
        raise NotThere(gettext("There is no such user any more."))
    return user
