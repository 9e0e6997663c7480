"""Configuration > Support Teams."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts import queries
from farhand.web.accounts import teams as services
from farhand.web.accounts.models import Team
from farhand.web.design.pages import actor_of, attempt, done, page
from farhand.web.login.forms import MembersForm, TeamForm
from farhand.web.portals.queries import name_of, portals
from farhand.web.project.errors import NotThere

LIST = "/login/configuration/support-teams"


@page("accounts.teams.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All teams with their members."""
    rows = [
        {"team": team, "members": queries.members_of(team.id), "policies": queries.policies_of_team(team.id)}
        for team in queries.teams()
    ]
    return render(request, "login/teams.html", {"rows": rows})


@page("accounts.teams.view")
def new(request: HttpRequest) -> HttpResponse:
    """Create a team."""
    form = _team_form(None, request.POST or None)
    if request.method == "POST" and form.is_valid():
        team = attempt(form, lambda: services.create_team(actor_of(request), **form.team()))
        if team is not None:
            messages.success(request, gettext("The team has been created. Choose its members now."))
            return redirect(f"{LIST}/{team.id}")
    return render(request, "login/team.html", {"form": form, "team": None}, status=400 if form.errors else 200)


@page("accounts.teams.view")
def edit(request: HttpRequest, team_id: str) -> HttpResponse:
    """A team and its members."""
    team = _team(team_id)
    form = _team_form(team, request.POST or None)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.edit_team(actor_of(request), team_id=team.id, **form.team()))
    ):
        messages.success(request, gettext("The team has been saved."))
        return redirect(f"{LIST}/{team.id}")
    context = {
        "form": form,
        "team": team,
        "members": _members_form(team, None),
        "policies": queries.policies_of_team(team.id),
    }
    return render(request, "login/team.html", context, status=400 if form.errors else 200)


@page("accounts.teams.view")
def members(request: HttpRequest, team_id: str) -> HttpResponse:
    """Who is in the team."""
    team = _team(team_id)
    form = _members_form(team, request.POST or None)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.set_members(actor_of(request), team_id=team.id, members=form.members()))
    ):
        messages.success(request, gettext("The members have been saved."))
        return redirect(f"{LIST}/{team.id}")
    context = {
        "form": _team_form(team, None),
        "team": team,
        "members": form,
        "policies": queries.policies_of_team(team.id),
    }
    return render(request, "login/team.html", context, status=400 if form.errors else 200)


@page("accounts.teams.view")
def remove(request: HttpRequest, team_id: str) -> HttpResponse:
    """Remove a team, after asking."""
    team = _team(team_id)
    if request.method == "POST":
        services.remove_team(actor_of(request), team_id=team.id)
        messages.success(request, gettext("The team has been removed."))
        return redirect(LIST)
    return render(request, "login/team_remove.html", {"team": team})


def _team(ident: str) -> Team:
    team = queries.team_by_id(ident)
    if team is None:
        raise NotThere(gettext("There is no such team any more."))
    return team


def _team_form(team: Team | None, data: QueryDict | None) -> TeamForm:
    initial = None
    if team is not None:
        names = ("name", "code_name", "comments", "persistent_queue", "all_portals", "portals")
        initial = {name: getattr(team, name) for name in names}
    return TeamForm(data, initial=initial, portals=[(portal.id, name_of(portal)) for portal in portals()])


def _members_form(team: Team, data: object) -> MembersForm:
    roles = {row.user_id: row.role for row in queries.members_of(team.id)}
    users = [user for user in queries.users() if user.is_active or user.id in roles]
    return MembersForm(data, users=users, roles=roles)
