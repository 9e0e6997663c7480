"""Configuration > Support Teams."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts import queries
from farhand.web.accounts import teams as services
from farhand.web.accounts.models import Team
from farhand.web.login.forms import MembersForm, TeamForm
from farhand.web.login.pages import actor_of, attempt, done, page
from farhand.web.project.errors import NotThere

LIST = "/login/configuration/support-teams"


@page("accounts.teams.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All teams with their members."""
    rows = [{"team": team, "members": queries.members_of(team.id)} for team in queries.teams()]
    return render(request, "login/teams.html", {"rows": rows})


@page("accounts.teams.view")
def new(request: HttpRequest) -> HttpResponse:
    """Create a team."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        team = attempt(form, lambda: services.create_team(actor_of(request), **form.cleaned_data))
        if team is not None:
            messages.success(request, gettext("The team has been created. Choose its members now."))
            return redirect(f"{LIST}/{team.id}")
    return render(request, "login/team.html", {"form": form, "team": None}, status=400 if form.errors else 200)


@page("accounts.teams.view")
def edit(request: HttpRequest, team_id: str) -> HttpResponse:
    """Names of a team, and its members."""
    team = _team(team_id)
    initial = {"name": team.name, "code_name": team.code_name, "comments": team.comments}
    form = TeamForm(request.POST or None, initial=initial)
    if (
        request.method == "POST"
        and form.is_valid()
        and done(form, lambda: services.edit_team(actor_of(request), team_id=team.id, **form.cleaned_data))
    ):
        messages.success(request, gettext("The team has been saved."))
        return redirect(f"{LIST}/{team.id}")
    context = {"form": form, "team": team, "members": _members_form(team, None)}
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
    initial = {"name": team.name, "code_name": team.code_name, "comments": team.comments}
    context = {"form": TeamForm(initial=initial), "team": team, "members": form}
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


def _members_form(team: Team, data: object) -> MembersForm:
    roles = {row.user_id: row.role for row in queries.members_of(team.id)}
    users = [user for user in queries.users() if user.is_active or user.id in roles]
    return MembersForm(data, users=users, roles=roles)
