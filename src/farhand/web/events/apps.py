"""Django's name for this area."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The area `events`."""

    name = "farhand.web.events"
    label = "events"

    def ready(self) -> None:
        """Events that did not go out are swept; old ones go."""
        from farhand.web.events import services
        from farhand.web.project.service import now_ms
        from farhand.web.project.work import register_step

        register_step("publish", lambda: services.publish_pending())  # noqa: PLW0108  tests replace it there
        register_step("events", lambda: services.prune_events(now_ms()), every_s=600)
