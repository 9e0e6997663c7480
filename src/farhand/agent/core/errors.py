"""What can go wrong between an agent and its person: each is one sentence, shown as it is."""

import errno
import os
import socket


class ClientError(Exception):
    """Something that the person must know. `str(error)` is one clear sentence that says what to do."""


class WrongSiteError(ClientError):
    """The server could not prove that it belongs to the pinned site. Nothing was sent to it."""


class UnreachableError(ClientError):
    """The server could not be reached, or stopped answering."""


class RefusedError(ClientError):
    """The server said no; the sentence is the server's."""

    def __init__(self, code: str, text: str, retry_after_s: int | None = None, *, passing: bool = False) -> None:
        """`passing`: the server is busy, starting or unwell, and may say yes another time."""
        super().__init__(text)
        self.code = code
        self.retry_after_s = retry_after_s
        self.passing = passing


def was_refused(error: BaseException | None) -> bool:
    """Say whether the other machine answered that nobody listens (or hung up): it is there, its program is not."""
    # Several addresses of one name end in one OSError whose text lists the failures.
    return isinstance(error, ConnectionError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def reason_of(error: Exception) -> str:
    """Return the system's own words for a failed connection."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
        if was_refused(error) and not error.errno:
            return os.strerror(errno.ECONNREFUSED)
        if error.errno and error.errno > 0 and type(error).__module__ != "ssl":
            return os.strerror(error.errno)
    return str(getattr(error, "strerror", None) or type(error).__name__)
