"""Django's name for this area."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """The area `reports`."""

    name = "farhand.web.reports"
    label = "reports"

    def ready(self) -> None:
        """The worker verifies recordings."""
        from farhand.web.reports import work

        work.register()
