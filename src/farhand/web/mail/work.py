"""What the worker does for mail: messages that are over are forgotten."""

from farhand.web.mail import services
from farhand.web.project.service import SYSTEM
from farhand.web.project.work import register_step


def register() -> None:
    """Tell the worker."""
    register_step("mail", lambda: services.forget(SYSTEM), every_s=60)
