"""Management > Email Configuration: the mail server, and a test message with what the server said to it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from farhand.web.design.pages import actor_of, done, page, saved
from farhand.web.mail import queries, services
from farhand.web.mail.forms import MailForm, TestForm
from farhand.web.mail.models import WAITING

PATH = "/login/management/email-configuration"


@page("mail.settings.view")
def configuration(request: HttpRequest) -> HttpResponse:
    """The mail server."""
    form = _form(request, sent=request.method == "POST")
    went_on = saved(
        request,
        form,
        lambda: services.edit_settings(actor_of(request), fields=form.settings()),
        gettext("The settings have been saved."),
        PATH,
    )
    return went_on or _page(request, form, TestForm(initial={"to": actor_of(request).user.email}))


@page("mail.settings.view")
def test(request: HttpRequest) -> HttpResponse:
    """Send a test message."""
    if request.method != "POST":
        return redirect(PATH)
    form = TestForm(request.POST)
    if form.is_valid() and done(form, lambda: services.send_test(actor_of(request), to=form.cleaned_data["to"])):
        messages.success(request, gettext("The test message is on its way. What the mail server says is shown below."))
        return redirect(PATH)
    return _page(request, _form(request, sent=False), form)


@page("mail.settings.view")
def test_state(request: HttpRequest) -> HttpResponse:
    """How the last test message of this administrator stands, as JSON for the page's script."""
    return JsonResponse(_test_state(request) or {"state": "none", "text": ""})


def _page(request: HttpRequest, form: MailForm, test_form: TestForm) -> HttpResponse:
    wrong = form.errors or test_form.errors
    context = {"form": form, "test": test_form, "last": _test_state(request), "ready": queries.is_ready()}
    return render(request, "mail/configuration.html", context, status=400 if wrong else 200)


def _form(request: HttpRequest, *, sent: bool) -> MailForm:
    now = queries.current()
    names = ("host", "port", "security", "user", "sender", "authority")
    return MailForm(
        request.POST if sent else None,
        initial={name: getattr(now, name) for name in names},
        has_password=bool(now.sealed_password),
    )


def _test_state(request: HttpRequest) -> dict[str, str] | None:
    message = queries.last_test(actor_of(request).subject.id)
    if message is None:
        return None
    return {"state": message.state if message.state != WAITING else "pending", "text": queries.told(message)}
