"""Django's name for this area."""

from django.apps import AppConfig


class ScriptsConfig(AppConfig):
    """The area `scripts`."""

    name = "farhand.web.scripts"
    label = "scripts"
