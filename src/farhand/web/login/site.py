"""Status > Information, Console Settings > Special Actions, Management > Software, Management > Security."""

import datetime

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.protocol.actions import ACTIONS
from farhand.web.appliance import queries, services
from farhand.web.design.pages import actor_of, done, page
from farhand.web.login.forms import SecurityForm, SpecialActionsForm


@page("appliance.status.view")
def information(request: HttpRequest) -> HttpResponse:
    """What this site is."""
    context = {
        "address": f"https://{request.get_host()}",
        "mode": settings.FARHAND_PRODUCT_MODE,
        "time": datetime.datetime.now(datetime.UTC),
        "console": queries.web_console_allowed(),
    }
    return render(request, "login/information.html", context)


@page("appliance.software.view")
def software(request: HttpRequest) -> HttpResponse:
    """The version that runs."""
    return render(
        request, "login/software.html", {"database": settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]}
    )


@page("appliance.security.view")
def security(request: HttpRequest) -> HttpResponse:
    """Switches of the console, of clipboards and recordings; how long recordings and reports are kept."""
    form = SecurityForm(
        request.POST if request.method == "POST" else None,
        initial={name: queries.get(name) for name in (*queries.SECURITY_SWITCHES, *queries.RETENTION)},
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.edit_security(actor_of(request), **form.cleaned_data))
    ):
        messages.success(request, gettext("The settings have been saved."))
        return redirect("/login/management/security")
    return render(request, "login/management_security.html", {"form": form}, status=400 if form.errors else 200)


@page("appliance.actions.view")
def special_actions(request: HttpRequest) -> HttpResponse:
    """Which special actions are offered in sessions."""
    off = queries.actions_off()
    form = SpecialActionsForm(
        request.POST if request.method == "POST" else None,
        initial={name: name not in off for name in ACTIONS},
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.choose_actions(actor_of(request), offered=form.offered()))
    ):
        messages.success(request, gettext("The settings have been saved."))
        return redirect("/login/console-settings/special-actions")
    return render(request, "login/special_actions.html", {"form": form}, status=400 if form.errors else 200)
