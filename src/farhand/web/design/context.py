"""What every template may use: the site's name, the version, the languages, the menu."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

import farhand


def site(request: HttpRequest) -> dict[str, Any]:
    """Names that all pages show."""
    from farhand.web.appliance.queries import is_claimed, site_name

    return {
        "site_name": site_name() if is_claimed() else "Farhand",
        "farhand_version": farhand.__version__,
        "languages": settings.LANGUAGES,
        "actor": getattr(request, "actor", None),
    }
