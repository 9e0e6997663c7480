"""Django's name for this face (for its templates)."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The face `portal`."""

    name = "farhand.web.portal"
    label = "farhand_portal"
