"""Django's name for this area."""

from django.apps import AppConfig


class PortalsConfig(AppConfig):
    """The area `portals`."""

    name = "farhand.web.portals"
    label = "portals"
