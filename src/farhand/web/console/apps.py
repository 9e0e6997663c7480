"""Django's name for this face (for its templates)."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The face `console`."""

    name = "farhand.web.console"
    label = "farhand_console"
