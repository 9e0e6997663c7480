"""Users & Security > Group Policies."""

from collections.abc import Collection

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts import group_policies as services
from farhand.web.accounts import queries
from farhand.web.design.pages import actor_of, attempt, page, saved
from farhand.web.jump.forms import ROLE_LABELS
from farhand.web.jump.queries import groups
from farhand.web.login.policy_forms import NewPolicyForm, PolicyForm
from farhand.web.project.errors import NotThere

LIST = "/login/users-security/group-policies"


@page("accounts.group_policies.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All group policies, in their order."""
    return render(request, "login/group_policies.html", {"policies": queries.group_policies()})


@page("accounts.group_policies.view", recent=True)
def new(request: HttpRequest) -> HttpResponse:
    """Create a group policy."""
    form = NewPolicyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        policy = attempt(form, lambda: services.create_policy(actor_of(request), **form.cleaned_data))
        if policy is not None:
            messages.success(request, gettext("The group policy has been created. Say now what it defines."))
            return redirect(f"{LIST}/{policy.id}")
    context = {"form": form, "policy": None}
    return render(request, "login/group_policy.html", context, status=400 if form.errors else 200)


@page("accounts.group_policies.view", recent=True)
def edit(request: HttpRequest, policy_id: str) -> HttpResponse:
    """What a group policy defines, and for whom."""
    policy = queries.group_policy_by_id(policy_id)
    if policy is None:
        raise _gone()
    members = [place.user_id for place in policy.members.all()]
    roles = {place.team_id: place.role for place in policy.teams.all()}
    form = PolicyForm(
        request.POST if request.method == "POST" else None,
        initial={
            "name": policy.name,
            "comments": policy.comments,
            "position": policy.position,
            "members": members,
        },
        definitions=policy.definitions,
        people=_people(members),
        teams={team.id: (team.name, roles.get(team.id, "")) for team in queries.teams()},
        jump_groups={group.id: (group.name, policy.jump_groups.get(group.id, "")) for group in groups()},
        jump_roles=[(role, str(label)) for role, label in ROLE_LABELS.items()],
    )
    went_on = saved(
        request,
        form,
        lambda: services.edit_policy(actor_of(request), policy_id=policy.id, fields=form.policy()),
        gettext("The group policy has been saved."),
        LIST,
    )
    context = {"form": form, "policy": policy}
    return went_on or render(request, "login/group_policy.html", context, status=400 if form.errors else 200)


@page("accounts.group_policies.view", recent=True)
def remove(request: HttpRequest, policy_id: str) -> HttpResponse:
    """Remove a group policy, after asking."""
    policy = queries.group_policy_by_id(policy_id)
    if policy is None:
        raise _gone()
    if request.method == "POST":
        services.remove_policy(actor_of(request), policy_id=policy.id)
        messages.success(request, gettext("The group policy has been removed."))
        return redirect(LIST)
    return render(request, "login/group_policy_remove.html", {"policy": policy})


def _people(members: Collection[str]) -> list[tuple[str, str]]:
    """Who can be a member, and who is one already."""
    return [
        (user.id, f"{user.display_name} ({user.username})")
        for user in queries.users()
        if user.is_active or user.id in members
    ]


def _gone() -> NotThere:
    return NotThere(gettext("There is no such group policy any more."))
