"""Django's name for this area."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The area `events`."""

    name = "farhand.web.events"
    label = "events"
