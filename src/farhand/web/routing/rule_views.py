"""Pages of /login: Configuration > Waiting Session Rules, Configuration > Options."""

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.accounts.queries import queue_name
from farhand.web.design.pages import actor_of, page, saved
from farhand.web.portals import invitations
from farhand.web.portals.forms import KeyMailForm
from farhand.web.project.errors import NotThere
from farhand.web.routing import queries, rule_services
from farhand.web.routing.forms import MESSAGE, FallbackForm, RuleForm
from farhand.web.routing.models import WaitingRule

LIST = "/login/configuration/waiting-session-rules"
OPTIONS = "/login/configuration/options"


@page("routing.rules.view")
def listing(request: HttpRequest) -> HttpResponse:
    """All rules, in their order."""
    sources = dict(queries.source_choices())
    rows = [
        {
            "rule": rule,
            "source": sources.get(rule.source, ""),
            "minutes": rule.after_s // 60,
            "target": queue_name(rule.target),
        }
        for rule in queries.rules()
    ]
    return render(request, "routing/rules.html", {"rows": rows})


@page("routing.rules.view")
def new(request: HttpRequest) -> HttpResponse:
    """Create a rule."""
    form = _form(request, None)
    went_on = saved(
        request,
        form,
        lambda: rule_services.create_rule(actor_of(request), fields=form.rule()),
        gettext("The rule has been created."),
        LIST,
    )
    return went_on or render(
        request, "routing/rule.html", {"form": form, "rule": None}, status=400 if form.errors else 200
    )


@page("routing.rules.view")
def edit(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Change a rule."""
    rule = _rule(rule_id)
    form = _form(request, rule)
    went_on = saved(
        request,
        form,
        lambda: rule_services.edit_rule(actor_of(request), rule_id=rule.id, fields=form.rule()),
        gettext("The rule has been saved."),
        LIST,
    )
    return went_on or render(
        request, "routing/rule.html", {"form": form, "rule": rule}, status=400 if form.errors else 200
    )


@page("routing.rules.view")
def remove(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Remove a rule, after asking."""
    rule = _rule(rule_id)
    if request.method == "POST":
        rule_services.remove_rule(actor_of(request), rule_id=rule.id)
        messages.success(request, gettext("The rule has been removed."))
        return redirect(LIST)
    return render(request, "routing/rule_remove.html", {"rule": rule})


@page("routing.fallback.view")
def options(request: HttpRequest) -> HttpResponse:
    """What is done with a session whose representative is lost; how session keys may be mailed."""
    now = queries.fallback()
    mail_sent = request.method == "POST" and "mail" in request.POST
    form = FallbackForm(
        request.POST if request.method == "POST" and not mail_sent else None,
        initial={"last": now.last, "entry": now.entry, "fallback": now.fallback, "queue": now.queue},
        queues=queries.queue_choices(),
    )
    mail_form = KeyMailForm(
        request.POST if mail_sent else None, initial=msgspec.to_builtins(invitations.key_mail()), prefix="key_mail"
    )
    told = gettext("The settings have been saved.")
    actor = actor_of(request)
    if mail_sent:
        went_on = saved(
            request,
            mail_form,
            lambda: invitations.edit_key_mail(actor, options=mail_form.options()),
            told,
            OPTIONS,
        )
    else:
        went_on = saved(
            request, form, lambda: rule_services.edit_fallback(actor, options=form.options()), told, OPTIONS
        )
    wrong = form.errors or mail_form.errors
    context = {"form": form, "mail": mail_form}
    return went_on or render(request, "routing/options.html", context, status=400 if wrong else 200)


def _form(request: HttpRequest, rule: WaitingRule | None) -> RuleForm:
    initial: dict[str, object] = {"position": queries.rules().count() + 1}
    if rule is not None:
        names = ("source", "when", "text", "position")
        initial = {name: getattr(rule, name) for name in names} | {
            "minutes": rule.after_s // 60 or 10,
            "target": rule.target or MESSAGE,
        }
    return RuleForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        sources=queries.source_choices(),
        targets=queries.queue_choices(),
    )


def _rule(ident: str) -> WaitingRule:
    rule = queries.rule_by_id(ident)
    if rule is None:
        raise NotThere(gettext("There is no such rule any more."))
    return rule
