"""Django's name for this package."""

from django.apps import AppConfig


class DesignConfig(AppConfig):
    """The package `design`."""

    name = "farhand.web.design"
    label = "farhand_design"
