"""Django's name for this area."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """The area `routing`."""

    name = "farhand.web.routing"
    label = "routing"

    def ready(self) -> None:
        """A team with issues or sessions stays; help is requested by issues; the worker forgets what is over."""
        from farhand.web.accounts.teams import register_team_in_use
        from farhand.web.routing import work
        from farhand.web.routing.queries import help_issues, keeps_team
        from farhand.web.support.targets import register_issues

        register_team_in_use(keeps_team)
        register_issues(help_issues)
        work.register()
