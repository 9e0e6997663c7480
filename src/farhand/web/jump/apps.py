"""Django's name for this area."""

from django.apps import AppConfig


class JumpConfig(AppConfig):
    """The area `jump`."""

    name = "farhand.web.jump"
    label = "jump"

    def ready(self) -> None:
        """Tell the accounts how to find a user's roles in Jump Groups, and make the first groups at the claim."""
        from farhand.web.accounts.claim import on_claim
        from farhand.web.accounts.queries import register_group_roles
        from farhand.web.jump.queries import roles_of
        from farhand.web.jump.services import make_first_groups

        register_group_roles(roles_of)
        on_claim(make_first_groups)
