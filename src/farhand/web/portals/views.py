"""Pages of /login: Public Portals > Public Sites."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.rules.permissions import SHOW_ON_PUBLIC_LIST
from farhand.web.accounts.queries import users
from farhand.web.design.pages import actor_of, page, saved
from farhand.web.portals import queries, services
from farhand.web.portals.forms import PortalForm
from farhand.web.portals.models import Portal

LIST = "/login/public-portals/public-sites"


@page("portals.portals.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All public portals."""
    rows = [
        {
            "portal": portal,
            "name": queries.name_of(portal),
            "languages": ", ".join(name for _code, name in queries.languages_of(portal)),
        }
        for portal in queries.portals()
    ]
    return render(request, "portals/portals.html", {"rows": rows})


@page("portals.portals.view")
def new(request: HttpRequest) -> HttpResponse:
    """Create a public portal."""
    form = _form(request, Portal())
    went_on = saved(
        request,
        form,
        lambda: services.create_portal(actor_of(request), fields=form.portal()),
        gettext("The public portal has been created."),
        LIST,
    )
    return went_on or render(
        request, "portals/portal.html", {"form": form, "portal": None}, status=400 if form.errors else 200
    )


@page("portals.portals.view")
def edit(request: HttpRequest, portal_id: str) -> HttpResponse:
    """Change a public portal."""
    portal = queries.portal_or_raise(portal_id)
    form = _form(request, portal)
    went_on = saved(
        request,
        form,
        lambda: services.edit_portal(actor_of(request), portal_id=portal.id, fields=form.portal()),
        gettext("The public portal has been saved."),
        LIST,
    )
    context = {"form": form, "portal": portal, "name": queries.name_of(portal)}
    return went_on or render(request, "portals/portal.html", context, status=400 if form.errors else 200)


@page("portals.portals.view")
def remove(request: HttpRequest, portal_id: str) -> HttpResponse:
    """Remove a public portal, after asking."""
    portal = queries.portal_or_raise(portal_id)
    if request.method == "POST":
        services.remove_portal(actor_of(request), portal_id=portal.id)
        messages.success(request, gettext("The public portal has been removed."))
        return redirect(LIST)
    return render(request, "portals/portal_remove.html", {"portal": portal, "name": queries.name_of(portal)})


def _form(request: HttpRequest, portal: Portal) -> PortalForm:
    people = [
        (user.id, f"{user.display_name} ({user.username})")
        for user in users()
        if SHOW_ON_PUBLIC_LIST in user.held() or user.id in portal.representatives
    ]
    initial = {
        "name": portal.name,
        "hosts": "\n".join(portal.hosts),
        "languages": [code for code, _name in queries.languages_of(portal)],
        "session_keys": portal.session_keys,
        "representative_list": portal.representative_list,
        "all_representatives": portal.all_representatives,
        "representatives": portal.representatives,
        "issue_form": portal.issue_form,
        "click_to_chat": portal.click_to_chat,
    }
    data = request.POST if request.method == "POST" else None
    return PortalForm(data, initial=initial, people=people, is_default=portal.is_default)
