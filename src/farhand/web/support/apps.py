"""Django's name for this area."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """The area `support`."""

    name = "farhand.web.support"
    label = "support"

    def ready(self) -> None:
        """Running sessions are judged anew when somebody's access changes; the worker keeps them going."""
        from farhand.web.project.revocation import register_review
        from farhand.web.support import work
        from farhand.web.support.review import review_sessions

        register_review(review_sessions)
        work.register()
