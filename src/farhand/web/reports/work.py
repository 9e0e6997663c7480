"""What the worker does for reports: verifying recordings, a fraction of a second at a time, removing those and reports
whose time is over, and clearing away what was made of recordings that are gone."""

from farhand.web.appliance.queries import is_claimed
from farhand.web.project.service import now_ms
from farhand.web.project.work import register_step
from farhand.web.reports.checks import Checker
from farhand.web.reports.leftovers import Sweeper
from farhand.web.reports.retention import Remover

SWEEP_EVERY_S = 3600.0
REMOVE_EVERY_S = 60.0
_checker = Checker()
_sweeper = Sweeper()
_remover = Remover()


def register() -> None:
    """Tell the worker."""
    register_step("recordings", verify)
    register_step("retention", remove, every_s=REMOVE_EVERY_S)
    register_step("reports-kept", sweep, every_s=SWEEP_EVERY_S)


def verify() -> None:
    """Go on where the last call ended."""
    if is_claimed():
        _checker.step(now_ms())


def sweep() -> None:
    """Look at the next of the folders."""
    if is_claimed():
        _sweeper.step(now_ms())


def remove() -> None:
    """Remove what is over."""
    if is_claimed():
        _remover.step(now_ms())
