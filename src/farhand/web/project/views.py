"""Pages for what went wrong outside any face."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came without its proof of origin."""
    return _page(
        request, 403, "csrf", gettext("This page had been open for too long. Go back, reload it and try again.")
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django could not make sense of the request."""
    return _page(
        request, 400, "bad-request", gettext("This request was not understood. Reload the page and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Not allowed."""
    return _page(request, 403, "refused", gettext("You are not allowed to see this page."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address."""
    return _page(request, 404, "not-there", gettext("There is no page at this address."))


def broken(request: HttpRequest) -> HttpResponse:
    """A bug; the log has it."""
    return _page(
        request, 500, "broken", gettext("Something went wrong here. Try again; the log of the appliance says more.")
    )


def _page(request: HttpRequest, status: int, code: str, text: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"error": {"code": code, "text": text}}, status=status)
    return render(request, "design/error.html", {"text": text, "status": status}, status=status)
