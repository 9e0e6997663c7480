"""The page behind a message that invites into a session (R-235): what it is about, and the answers to it.

Accepting happens in the console, where the session opens; declining can be done here, and extended availability be
turned off with it. An invitation that is over says so, whatever ended it.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.rules.queues import personal
from farhand.web.accounts import services as accounts
from farhand.web.design.pages import actor_of, page
from farhand.web.project.errors import ServiceError
from farhand.web.support import collaboration
from farhand.web.support.queries import invitation_for


@page("accounts.self.view")
def invitation(request: HttpRequest, ident: str) -> HttpResponse:
    """Show the invitation; a POST declines it, with `off` turning extended availability off as well."""
    actor = actor_of(request)
    found = invitation_for(personal(actor.subject.id), ident)
    if request.method == "POST":
        if found is not None:
            try:
                collaboration.decline_invitation(actor, session_id=found.session_id, invitation_id=found.id)
                messages.success(request, gettext("You have declined the invitation."))
            except ServiceError as error:
                messages.error(request, error.text)
        if "off" in request.POST:
            accounts.set_available(actor, on=False)
            messages.success(request, gettext("Your extended availability is off."))
        return redirect("/login/my-account/profile")
    context = {"invitation": found, "available": actor.user.extended_availability}
    return render(request, "login/invitation.html", context, status=200 if found is not None else 404)
