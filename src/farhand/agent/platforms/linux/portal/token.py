"""The token by which a portal brings a session back without asking again.

Why it exists: nobody sits at an unattended endpoint who could answer a dialog twice. A token is good for one time; the
portal gives another one then.

Rules: whoever has the token and this account sees the screen, so its file (`portal.json` of the state folder) is the
account's alone (0600). A client without a state folder (a customer's) keeps it in memory. A token that cannot be kept
costs a question the next time, and nothing else.
"""

from pathlib import Path

import msgspec

from farhand.agent.core.files import read_bounded, write_private
from farhand.kit.log import get_log
from farhand.protocol.messages import NOT_UNDERSTOOD, Message

FILE = "portal.json"
_LARGEST = 4096


class _Kept(Message, frozen=True, kw_only=True):
    token: str = ""


class TokenStore:
    """Keeps the newest token, in `folder` where there is one. It belongs to one thread at a time."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder is not None else None
        self._token = ""

    @property
    def keeps(self) -> bool:
        """It outlives the program."""
        return self._path is not None

    def get(self) -> str:
        """Return the token, "" when there is none."""
        if self._path is None:
            return self._token
        try:
            return msgspec.json.decode(read_bounded(self._path, _LARGEST), type=_Kept).token
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, *NOT_UNDERSTOOD) as error:
            get_log("agent.portal").warning("token_unreadable", reason=str(error))
            return ""

    def put(self, token: str) -> None:
        """Keep another one; "": forget the one that was kept."""
        self._token = token
        if self._path is None:
            return
        try:
            if token:
                write_private(self._path, msgspec.json.encode(_Kept(token=token)))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            get_log("agent.portal").warning("token_not_kept", reason=str(error))
