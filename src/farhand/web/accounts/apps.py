"""Django's name for this area."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The area `accounts`."""

    name = "farhand.web.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Old failures to sign in are forgotten."""
        from farhand.web.accounts.throttle import forget_old
        from farhand.web.project.service import now_ms
        from farhand.web.project.work import register_step

        register_step("throttle", lambda: forget_old(now_ms()), every_s=600)
