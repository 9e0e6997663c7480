"""Django's name for this area."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """The area `mail`."""

    name = "farhand.web.mail"
    label = "mail"

    def ready(self) -> None:
        """The worker forgets messages that are over."""
        from farhand.web.mail import work

        work.register()
