"""Django's name for this area."""

from django.apps import AppConfig


class JumpConfig(AppConfig):
    """The area `jump`."""

    name = "farhand.web.jump"
    label = "jump"

    def ready(self) -> None:
        """Tell the accounts how to find a user's roles in Jump Groups, make the first groups at the claim, and follow
        sessions and links.
        """
        from farhand.protocol.bus import Links
        from farhand.web.accounts.claim import on_claim
        from farhand.web.accounts.group_policies import register_groups
        from farhand.web.accounts.queries import register_group_roles
        from farhand.web.jump.events import tell_client
        from farhand.web.jump.queries import group_ids, roles_of
        from farhand.web.jump.services import make_first_groups
        from farhand.web.jump.worker_services import apply_links
        from farhand.web.project.service import SYSTEM
        from farhand.web.project.work import register_message
        from farhand.web.support.lives import on_over

        register_group_roles(roles_of)
        register_groups(group_ids)
        on_claim(make_first_groups)
        on_over(tell_client)
        register_message(Links, lambda message: apply_links(SYSTEM, up=message.links, complete=True))
