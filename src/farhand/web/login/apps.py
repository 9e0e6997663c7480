"""Django's name for this package."""

from django.apps import AppConfig


class LoginConfig(AppConfig):
    """The package `login`."""

    name = "farhand.web.login"
    label = "farhand_login"
