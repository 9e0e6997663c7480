"""What the worker does for routing: requests that are over are forgotten.

Each step finds what is due and calls a service for each, which looks again.
"""

from farhand.web.project.service import SYSTEM
from farhand.web.project.work import register_step
from farhand.web.routing import requests


def register() -> None:
    """Tell the worker."""
    register_step("help requests", lambda: requests.forget_over(SYSTEM), every_s=60)
