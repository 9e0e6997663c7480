"""Django's name for this area."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The area `accounts`."""

    name = "farhand.web.accounts"
    label = "accounts"
