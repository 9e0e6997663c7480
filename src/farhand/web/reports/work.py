"""What the worker does for reports: verifying recordings, a fraction of a second at a time, and clearing away what was
made of recordings that are gone."""

from farhand.web.appliance.queries import is_claimed
from farhand.web.project.service import now_ms
from farhand.web.project.work import register_step
from farhand.web.reports.checks import Checker
from farhand.web.reports.leftovers import Sweeper

SWEEP_EVERY_S = 3600.0
_checker = Checker()
_sweeper = Sweeper()


def register() -> None:
    """Tell the worker."""
    register_step("recordings", verify)
    register_step("reports-kept", sweep, every_s=SWEEP_EVERY_S)


def verify() -> None:
    """Go on where the last call ended."""
    if is_claimed():
        _checker.step(now_ms())


def sweep() -> None:
    """Look at the next of the folders."""
    if is_claimed():
        _sweeper.step(now_ms())
