"""Pages of /login: Public Portals > Customer Client: the invitation that is mailed with a session key."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from farhand.web.design.pages import actor_of, page, saved
from farhand.web.portals import invitations, queries
from farhand.web.portals.forms import InvitationForm

LIST = "/login/public-portals/customer-client"


@page("portals.portals.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All public portals, and in which languages they have an invitation of their own."""
    names = dict(settings.LANGUAGES)
    rows = [
        {
            "portal": portal,
            "name": queries.name_of(portal),
            "own": ", ".join(str(names[code]) for code in invitations.template_of(portal).texts),
        }
        for portal in queries.portals()
    ]
    return render(request, "portals/customer_clients.html", {"rows": rows})


@page("portals.portals.view")
def edit(request: HttpRequest, portal_id: str) -> HttpResponse:
    """Change a portal's invitation."""
    portal = queries.portal_or_raise(portal_id)
    form = InvitationForm(request.POST if request.method == "POST" else None, initial=invitations.told(portal))
    went_on = saved(
        request,
        form,
        lambda: invitations.edit_invitation(
            actor_of(request), portal_id=portal.id, sender=form.cleaned_data["sender"], texts=form.texts()
        ),
        gettext("The invitation has been saved."),
        LIST,
    )
    context = {
        "form": form,
        "name": queries.name_of(portal),
        "macros": [f"%{one}%" for one in invitations.MACROS],
    }
    return went_on or render(request, "portals/customer_client.html", context, status=400 if form.errors else 200)
