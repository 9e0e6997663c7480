"""Django's name for this area."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """The area `support`."""

    name = "farhand.web.support"
    label = "support"
