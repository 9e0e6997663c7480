"""Django's name for this area."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """The area `chat`."""

    name = "farhand.web.chat"
    label = "chat"

    def ready(self) -> None:
        """The worker removes what is older than consoles show."""
        from farhand.web.chat.services import expire_messages
        from farhand.web.project.service import SYSTEM
        from farhand.web.project.work import register_step

        register_step("team chat", lambda: expire_messages(SYSTEM), every_s=3600)
