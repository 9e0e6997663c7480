"""Pages of /login: Configuration > Issues."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts.queries import teams
from farhand.web.design.pages import actor_of, page, saved
from farhand.web.portals.queries import name_of, portals
from farhand.web.project.errors import NotThere
from farhand.web.routing import queries, services
from farhand.web.routing.forms import PRIORITY_LABELS, IssueForm
from farhand.web.routing.models import Issue

LIST = "/login/configuration/issues"


@page("routing.issues.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All issues."""
    names = {portal.id: name_of(portal) for portal in portals()}
    rows = [
        {
            "issue": issue,
            "priority": PRIORITY_LABELS[issue.priority],
            "portals": ", ".join(names[one] for one in issue.portals if one in names),
        }
        for issue in queries.issues()
    ]
    return render(request, "routing/issues.html", {"rows": rows})


@page("routing.issues.view")
def new(request: HttpRequest) -> HttpResponse:
    """Create an issue."""
    form = _form(request, None)
    went_on = saved(
        request,
        form,
        lambda: services.create_issue(actor_of(request), fields=form.issue()),
        gettext("The issue has been created."),
        LIST,
    )
    return went_on or render(
        request, "routing/issue.html", {"form": form, "issue": None}, status=400 if form.errors else 200
    )


@page("routing.issues.view")
def edit(request: HttpRequest, issue_id: str) -> HttpResponse:
    """Change an issue."""
    issue = _issue(issue_id)
    form = _form(request, issue)
    went_on = saved(
        request,
        form,
        lambda: services.edit_issue(actor_of(request), issue_id=issue.id, fields=form.issue()),
        gettext("The issue has been saved."),
        LIST,
    )
    return went_on or render(
        request, "routing/issue.html", {"form": form, "issue": issue}, status=400 if form.errors else 200
    )


@page("routing.issues.view")
def remove(request: HttpRequest, issue_id: str) -> HttpResponse:
    """Remove an issue, after asking."""
    issue = _issue(issue_id)
    if request.method == "POST":
        services.remove_issue(actor_of(request), issue_id=issue.id)
        messages.success(request, gettext("The issue has been removed."))
        return redirect(LIST)
    return render(request, "routing/issue_remove.html", {"issue": issue})


def _form(request: HttpRequest, issue: Issue | None) -> IssueForm:
    initial = None
    if issue is not None:
        initial = {
            "description": issue.description,
            "code_name": issue.code_name,
            "team": issue.team_id,
            "priority": issue.priority,
            "help_requests": issue.help_requests,
            "all_portals": issue.all_portals,
            "portals": issue.portals,
        }
    return IssueForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        teams=[(team.id, team.name) for team in teams()],
        portals=[(portal.id, name_of(portal)) for portal in portals()],
    )


def _issue(ident: str) -> Issue:
    issue = queries.issue_by_id(ident)
    if issue is None:
        raise NotThere(gettext("There is no such issue any more."))
    return issue
