"""What the worker does for reports: verifying recordings, a fraction of a second at a time."""

from farhand.web.appliance.queries import is_claimed
from farhand.web.project.service import now_ms
from farhand.web.project.work import register_step
from farhand.web.reports.checks import Checker

_checker = Checker()


def register() -> None:
    """Tell the worker."""
    register_step("recordings", verify)


def verify() -> None:
    """Go on where the last call ended."""
    if is_claimed():
        _checker.step(now_ms())
