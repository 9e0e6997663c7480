"""Django's name for this area."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """The area `routing`."""

    name = "farhand.web.routing"
    label = "routing"

    def ready(self) -> None:
        """A team with issues or sessions stays; the worker forgets requests that are over."""
        from farhand.web.accounts.teams import register_team_in_use
        from farhand.web.routing import work
        from farhand.web.routing.queries import keeps_team

        register_team_in_use(keeps_team)
        work.register()
