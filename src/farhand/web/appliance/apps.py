"""Django's name for this area."""

from django.apps import AppConfig


class ApplianceConfig(AppConfig):
    """The area `appliance`."""

    name = "farhand.web.appliance"
    label = "appliance"
