"""Django's name for this area."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The area `jobs`."""

    name = "farhand.web.jobs"
    label = "jobs"
