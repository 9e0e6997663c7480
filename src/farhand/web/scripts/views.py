"""Pages of /login: Console Settings > Canned Scripts."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.rules.scripts import write
from farhand.web.accounts.queries import teams
from farhand.web.design.pages import actor_of, page, saved
from farhand.web.project.errors import NotThere
from farhand.web.scripts import queries, services
from farhand.web.scripts.forms import PLATFORM_LABELS, ScriptForm
from farhand.web.scripts.models import CannedScript

LIST = "/login/console-settings/canned-scripts"


@page("scripts.scripts.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All canned scripts."""
    labels = dict(PLATFORM_LABELS)
    rows = [(script, ", ".join(labels[one] for one in script.platforms)) for script in queries.scripts()]
    return render(request, "scripts/scripts.html", {"rows": rows})


@page("scripts.scripts.view")
def new(request: HttpRequest) -> HttpResponse:
    """Add a canned script."""
    form = _form(request, None)
    went_on = saved(
        request,
        form,
        lambda: services.create_script(actor_of(request), fields=form.script()),
        gettext("The canned script has been added."),
        LIST,
    )
    return went_on or render(
        request, "scripts/script.html", {"form": form, "script": None}, status=400 if form.errors else 200
    )


@page("scripts.scripts.view")
def edit(request: HttpRequest, script_id: str) -> HttpResponse:
    """Change a canned script."""
    script = _script(script_id)
    form = _form(request, script)
    went_on = saved(
        request,
        form,
        lambda: services.edit_script(actor_of(request), script_id=script.id, fields=form.script()),
        gettext("The canned script has been saved."),
        LIST,
    )
    return went_on or render(
        request, "scripts/script.html", {"form": form, "script": script}, status=400 if form.errors else 200
    )


@page("scripts.scripts.view")
def remove(request: HttpRequest, script_id: str) -> HttpResponse:
    """Remove a canned script, after asking."""
    script = _script(script_id)
    if request.method == "POST":
        services.remove_script(actor_of(request), script_id=script.id)
        messages.success(request, gettext("The canned script has been removed."))
        return redirect(LIST)
    return render(request, "scripts/script_remove.html", {"script": script})


def _form(request: HttpRequest, script: CannedScript | None) -> ScriptForm:
    initial = None
    if script is not None:
        initial = {
            "name": script.name,
            "description": script.description,
            "everybody": script.everybody,
            "teams": list(queries.team_ids(script)),
            "platforms": script.platforms,
            "contexts": script.contexts,
            "time_limit_s": script.time_limit_s,
            "parameters": write(queries.parameters_of(script)),
            "text": script.text,
        }
    return ScriptForm(request.POST or None, initial=initial, teams=[(team.id, team.name) for team in teams()])


def _script(ident: str) -> CannedScript:
    script = queries.script_by_id(ident)
    if script is None:
        raise NotThere(gettext("This canned script does not exist any more."))
    return script
