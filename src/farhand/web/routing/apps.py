"""Django's name for this area."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """The area `routing`."""

    name = "farhand.web.routing"
    label = "routing"

    def ready(self) -> None:
        """A team with issues or sessions stays; help is requested by issues; lost sessions find their queue; the worker
        follows the rules.
        """
        from farhand.web.accounts.teams import register_team_in_use
        from farhand.web.routing import work
        from farhand.web.routing.queries import help_issues, keeps_team, queue_of_lost
        from farhand.web.support.lives import on_lost
        from farhand.web.support.targets import register_issues

        register_team_in_use(keeps_team)
        register_issues(help_issues)
        on_lost(lambda one: queue_of_lost(one.kind, one.owner_id or "", one.last_queue, one.entry_queue))
        work.register()
