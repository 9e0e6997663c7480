"""Django's name for this area."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The area `accounts`."""

    name = "farhand.web.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Old failures to sign in are forgotten, and who has a console open is remembered."""
        from farhand.protocol.bus import ConsoleDown, ConsoleUp, Links
        from farhand.web.accounts import presence
        from farhand.web.accounts.throttle import forget_old
        from farhand.web.project.service import SYSTEM, now_ms
        from farhand.web.project.work import register_message, register_step

        register_message(Links, lambda message: presence.replace(SYSTEM, user_ids=message.consoles))
        register_message(ConsoleUp, lambda message: presence.note(SYSTEM, user_id=message.user_id, here=True))
        register_message(ConsoleDown, lambda message: presence.note(SYSTEM, user_id=message.user_id, here=False))
        register_step("throttle", lambda: forget_old(now_ms()), every_s=600)
