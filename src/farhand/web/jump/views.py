"""Pages of /login: Jump > Jump Clients and Jump > Jump Groups."""

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts.queries import users
from farhand.web.design.pages import actor_of, attempt, page
from farhand.web.jump import abilities, commands, pinning, queries, services
from farhand.web.jump.events import status_of
from farhand.web.jump.forms import EditClientForm, EnrolmentForm, GroupForm, PasswordForm, RolesForm
from farhand.web.jump.models import JumpClient, JumpGroup
from farhand.web.project.errors import NotThere
from farhand.web.project.service import now_ms
from farhand.web.support.queries import busy_clients

CLIENTS = "/login/jump/clients"
GROUPS = "/login/jump/groups"


@page("jump.clients.view")
def clients(request: HttpRequest) -> HttpResponse:
    """All Jump Clients of the groups that the user may edit, and enrolments that can still be used."""
    subject = actor_of(request).subject
    found = queries.clients_for(subject)
    busy = busy_clients([client.id for client in found])
    context = {
        "rows": [
            {
                "client": client,
                "status": status_of(client, client.id in busy),
                "accessed": _time(client.last_accessed_ms),
            }
            for client in found
        ],
        "enrolments": [
            {"enrolment": one, "expires": _time(one.expires_ms)} for one in queries.open_enrolments(subject, now_ms())
        ],
    }
    return render(request, "jump/clients.html", context)


@page("jump.clients.view")
def new_enrolment(request: HttpRequest) -> HttpResponse:
    """Create an enrolment; its command is shown once."""
    actor = actor_of(request)
    groups = queries.editable_groups(actor.subject)
    form = EnrolmentForm(request.POST or None, groups=groups)
    if request.method == "POST" and form.is_valid():
        made = attempt(form, lambda: services.create_enrolment(actor, **form.cleaned_data))
        if made is not None:
            server = f"https://{request.get_host()}"
            command = attempt(form, lambda: commands.linux_command(server, made.token))
            if command is not None:
                shown = {"command": command, "expires": _time(made.expires_ms)}
                return render(request, "jump/enrolment_made.html", shown)
            services.revoke_enrolment(actor, enrolment_id=made.id)
    context = {"form": form, "groups": groups}
    return render(request, "jump/enrolment.html", context, status=400 if form.errors else 200)


@page("jump.clients.view")
def revoke_enrolment(request: HttpRequest, enrolment_id: str) -> HttpResponse:
    """Make an enrolment worthless."""
    if request.method == "POST":
        services.revoke_enrolment(actor_of(request), enrolment_id=enrolment_id)
        messages.success(request, gettext("The enrolment has been revoked."))
    return redirect(CLIENTS)


@page("jump.clients.view")
def client(request: HttpRequest, client_id: str) -> HttpResponse:
    """What people say of a Jump Client, and what it says of itself."""
    actor = actor_of(request)
    found = _client(client_id)
    initial = {"name": found.name, "group_id": found.group_id, "comments": found.comments, "tag": found.tag}
    form = EditClientForm(request.POST or None, initial=initial, groups=queries.editable_groups(actor.subject))
    if request.method == "POST" and form.is_valid():
        saved = attempt(form, lambda: services.edit_client(actor, client_id=found.id, **form.cleaned_data))
        if saved is not None:
            messages.success(request, gettext("The Jump Client has been saved."))
            return redirect(CLIENTS)
    context = {
        "client": found,
        "form": form,
        "status": status_of(found, bool(busy_clients([found.id]))),
        "abilities": abilities.lines_of(found),
        "since": _time(found.since_ms),
        "accessed": _time(found.last_accessed_ms),
    }
    return render(request, "jump/client.html", context, status=400 if form.errors else 200)


@page("jump.clients.view")
def client_password(request: HttpRequest, client_id: str) -> HttpResponse:
    """Set or remove what is asked before a Jump."""
    found = _client(client_id)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = form.cleaned_data["password"]
        actor = actor_of(request)
        if attempt(form, lambda: pinning.set_password(actor, client_id=found.id, password=password)):
            said = gettext("The password has been set.") if password else gettext("No password is asked any more.")
            messages.success(request, said)
            return redirect(f"{CLIENTS}/{found.id}")
    return render(
        request, "jump/client_password.html", {"client": found, "form": form}, status=400 if form.errors else 200
    )


@page("jump.clients.view")
def remove_client(request: HttpRequest, client_id: str) -> HttpResponse:
    """Remove a Jump Client, after asking."""
    found = _client(client_id)
    if request.method == "POST":
        services.remove_client(actor_of(request), client_id=found.id)
        messages.success(request, gettext("The Jump Client has been removed."))
        return redirect(CLIENTS)
    return render(request, "jump/client_remove.html", {"client": found})


@page("jump.groups.view")
def groups(request: HttpRequest) -> HttpResponse:
    """All Jump Groups."""
    return render(request, "jump/groups.html", {"groups": queries.groups()})


@page("jump.groups.view")
def new_group(request: HttpRequest) -> HttpResponse:
    """Create a Jump Group."""
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        group = attempt(form, lambda: services.create_group(actor_of(request), **form.cleaned_data))
        if group is not None:
            messages.success(request, gettext("The Jump Group has been created. Choose its members now."))
            return redirect(f"{GROUPS}/{group.id}")
    return render(request, "jump/group.html", {"form": form, "group": None}, status=400 if form.errors else 200)


@page("jump.groups.view")
def group(request: HttpRequest, group_id: str) -> HttpResponse:
    """Names of a Jump Group, and its members."""
    found = _group(group_id)
    form = GroupForm(request.POST or None, initial=_names(found))
    if request.method == "POST" and form.is_valid():
        saved = attempt(form, lambda: services.edit_group(actor_of(request), group_id=found.id, **form.cleaned_data))
        if saved is not None:
            messages.success(request, gettext("The Jump Group has been saved."))
            return redirect(f"{GROUPS}/{found.id}")
    context = {"form": form, "group": found, "members": _roles_form(found, None)}
    return render(request, "jump/group.html", context, status=400 if form.errors else 200)


@page("jump.groups.view")
def group_members(request: HttpRequest, group_id: str) -> HttpResponse:
    """Who has which role in a Jump Group."""
    found = _group(group_id)
    form = _roles_form(found, request)
    if request.method == "POST" and form.is_valid():
        actor = actor_of(request)
        if attempt(form, lambda: services.set_members(actor, group_id=found.id, roles=form.roles())):
            messages.success(request, gettext("The members have been saved."))
            return redirect(f"{GROUPS}/{found.id}")
    context = {"form": GroupForm(initial=_names(found)), "group": found, "members": form}
    return render(request, "jump/group.html", context, status=400 if form.errors else 200)


@page("jump.groups.view")
def remove_group(request: HttpRequest, group_id: str) -> HttpResponse:
    """Remove an empty Jump Group, after asking."""
    found = _group(group_id)
    if request.method == "POST":
        services.remove_group(actor_of(request), group_id=found.id)
        messages.success(request, gettext("The Jump Group has been removed."))
        return redirect(GROUPS)
    return render(request, "jump/group_remove.html", {"group": found})


def _roles_form(found: JumpGroup, request: HttpRequest | None) -> RolesForm:
    roles = {member.user_id: member.role for member in queries.members_of(found.id)}
    data = request.POST if request is not None and request.method == "POST" else None
    return RolesForm(data, users=list(users()), roles=roles)


def _names(found: JumpGroup) -> dict[str, str]:
    return {"name": found.name, "code_name": found.code_name, "comments": found.comments}


def _client(ident: str) -> JumpClient:
    found = queries.client_by_id(ident)
    if found is None:
        raise NotThere(gettext("This Jump Client does not exist any more."))
    return found


def _group(ident: str) -> JumpGroup:
    found = queries.group_by_id(ident)
    if found is None:
        raise NotThere(gettext("This Jump Group does not exist any more."))
    return found


def _time(ms: int | None) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC) if ms else None
