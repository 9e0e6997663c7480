"""System entries: every kind of line that a session's journal can hold beside its chat, in one table.

Who may write it, which data it carries, whether the customer reads it, and which event of the field it is in reports.
The words stand in the catalogs of each face (reports, console, customer client); tests walk this table and name the
kind and the face where some are missing. Rules: a kind is added here first; fields of `data` may be missing (an older
program wrote it), and readers ignore those that they do not know.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple


class Writer(Enum):
    """Who writes entries of a kind."""

    RELAY = "relay"
    """The relay alone: a POST with such a kind is refused."""
    ENDPOINT = "endpoint"
    """The relay writes ends of this kind itself when the endpoint can tell of them no more (`unended`)."""


class EntryKind(NamedTuple):
    """What is known of one kind."""

    writer: Writer
    event: str
    """The field's name of it (English source; `farhand.web.support.queries` marks these for the catalogs)."""
    fields: Mapping[str, type[str] | type[int]] = MappingProxyType({})
    """Fields of `data`."""
    shown: bool = True
    """The customer reads it. What is not shown is said otherwise: by the question itself, or by the end."""


_BY: Final = MappingProxyType({"by": str, "leg": int})
"""`by`, `leg`: display name and leg of the representative."""
_SHELL: Final = MappingProxyType({"by": str, "leg": int, "shell": int, "open": int})
"""`shell`: number of the shell; `open`: shells that are open after it."""
_ACTION: Final = MappingProxyType({"by": str, "leg": int, "action": str, "context": str})
"""`action`: its id; `context`: as whom (`actions.Context`). The text is its name, or why it could not be done."""
_POWER: Final = MappingProxyType({"by": str, "leg": int, "how": str})
"""`how`: `reboot` or `shutdown`."""
_FILE: Final = MappingProxyType({"by": str, "leg": int, "path": str, "count": int, "size": int, "sha256": str})
"""`path`: of the file, or of the folder that holds `count` files; `size`: bytes of all; `sha256`: of the file, or of
the text that `sha256sum` would print for them (a line each, in the order in which they came)."""
_FILE_FAILED: Final = MappingProxyType({"by": str, "leg": int, "path": str, "count": int, "size": int, "code": str})
"""`size`: bytes that went over; `code`: of `protocol.files.FilesDone`."""
_BLOCK: Final = MappingProxyType({"by": str, "leg": int, "reason": str})
"""`reason`: why it ended (`messages.InputBlocked`)."""
_CLIPBOARD: Final = MappingProxyType({"by": str, "leg": int, "format": str, "bytes": int, "count": int})
"""`format`: `text`, `png` or `files`; `bytes`: how much; `count`: of `files`, how many. Never what."""
_SCRIPT: Final = MappingProxyType({"by": str, "leg": int, "run": str, "script": str, "name": str})
"""`run`: its id; `script`, `name`: which canned script; `ended_by`: who cancelled it, when somebody did."""
_DEPLOY: Final = MappingProxyType({"by": str, "leg": int, "what": str, "name": str})
"""`what`: of `deploy.What`; `name`: of the Jump Client."""
_PINNED: Final = MappingProxyType({"by": str, "leg": int, "client": str, "name": str, "group": str})
"""`client`: its id."""
_REQUESTED, _ALLOWED, _REFUSED, _OVER = (
    "Service Access Requested",
    "Service Access Allowed",
    "Service Access Refused",
    "Service Access Ended",
)

ENTRIES: Final[Mapping[str, EntryKind]] = MappingProxyType(
    {
        "leg-joined": EntryKind(Writer.RELAY, "Conference Member Added"),
        "leg-left": EntryKind(Writer.RELAY, "Conference Member Departed", {"reason": str}),
        "session-ended": EntryKind(Writer.RELAY, "Session End", {"reason": str}, shown=False),
        "waiting-message": EntryKind(Writer.RELAY, "Message to the Customer", {"text": str}),
        "client-requested": EntryKind(Writer.RELAY, "Full Customer Client Requested", {"by": str}),
        "client-started": EntryKind(Writer.RELAY, "Full Customer Client Started"),
        "recording-started": EntryKind(Writer.RELAY, "Screen Recording", {"segment": int}),
        "recording-gap": EntryKind(Writer.RELAY, "Screen Recording", {"reason": str}),
        "screen-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _BY, shown=False),
        "screen-started": EntryKind(Writer.ENDPOINT, _ALLOWED, _BY),
        "screen-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _BY),
        "screen-stopped": EntryKind(Writer.ENDPOINT, _OVER, _BY),
        "control-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _BY, shown=False),
        "control-granted": EntryKind(Writer.ENDPOINT, _ALLOWED, _BY),
        "control-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _BY),
        "control-released": EntryKind(Writer.ENDPOINT, _OVER, _BY),
        "block-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _BY, shown=False),
        "block-started": EntryKind(Writer.ENDPOINT, "Mouse and Keyboard Disabled", _BY),
        "block-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _BY),
        "block-stopped": EntryKind(Writer.ENDPOINT, "Mouse and Keyboard Enabled", _BLOCK),
        "secret-typed": EntryKind(Writer.ENDPOINT, "Secret Typed", _BY),
        "shell-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, {"by": str, "leg": int, "open": int}, shown=False),
        "shell-opened": EntryKind(Writer.ENDPOINT, "Command Shell Session Started", _SHELL),
        "shell-refused": EntryKind(Writer.ENDPOINT, _REFUSED, {"by": str, "leg": int, "open": int}),
        "shell-closed": EntryKind(
            Writer.ENDPOINT, "Command Shell Session Closed", {**_SHELL, "status": int, "reason": str}
        ),
        "action-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _ACTION, shown=False),
        "action-run": EntryKind(Writer.ENDPOINT, "Special Action", _ACTION),
        "action-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _ACTION),
        "action-failed": EntryKind(Writer.ENDPOINT, "Special Action", _ACTION),
        "script-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _SCRIPT, shown=False),
        "script-started": EntryKind(
            Writer.ENDPOINT, "Canned Script", {**_SCRIPT, "context": str, "sha256": str, "parameters": str}
        ),
        "script-refused": EntryKind(Writer.ENDPOINT, _REFUSED, {**_SCRIPT, "ended_by": str}),
        "script-ended": EntryKind(
            Writer.ENDPOINT, "Canned Script", {**_SCRIPT, "status": int, "reason": str, "bytes": int, "ended_by": str}
        ),
        "power-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _POWER, shown=False),
        "power-started": EntryKind(Writer.ENDPOINT, "Restart or Shutdown", _POWER),
        "power-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _POWER),
        "power-failed": EntryKind(Writer.ENDPOINT, "Restart or Shutdown", _POWER),
        "power-returned": EntryKind(Writer.ENDPOINT, "Restart or Shutdown"),
        "files-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _BY, shown=False),
        "files-started": EntryKind(Writer.ENDPOINT, _ALLOWED, _BY),
        "files-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _BY),
        "files-stopped": EntryKind(Writer.ENDPOINT, _OVER, _BY),
        "file-uploaded": EntryKind(Writer.ENDPOINT, "File Upload", _FILE),
        "file-upload-failed": EntryKind(Writer.ENDPOINT, "File Upload Failed", _FILE_FAILED),
        "file-downloaded": EntryKind(Writer.ENDPOINT, "File Download", _FILE),
        "file-download-failed": EntryKind(Writer.ENDPOINT, "File Download Failed", _FILE_FAILED),
        "file-moved": EntryKind(Writer.ENDPOINT, "File Moved", {**_BY, "path": str, "to": str}),
        "file-deleted": EntryKind(Writer.ENDPOINT, "File Deleted", {**_BY, "path": str, "count": int, "size": int}),
        "file-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _FILE_FAILED),
        "folder-created": EntryKind(Writer.ENDPOINT, "Directory Created", _FILE),
        "clipboard-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _BY, shown=False),
        "clipboard-started": EntryKind(Writer.ENDPOINT, _ALLOWED, _BY),
        "clipboard-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _BY),
        "clipboard-stopped": EntryKind(Writer.ENDPOINT, _OVER, _BY),
        "clipboard-given": EntryKind(Writer.ENDPOINT, "Clipboard Sent", _CLIPBOARD),
        "clipboard-taken": EntryKind(Writer.ENDPOINT, "Clipboard Taken", _CLIPBOARD),
        "deploy-requested": EntryKind(Writer.ENDPOINT, _REQUESTED, _DEPLOY, shown=False),
        "deploy-allowed": EntryKind(Writer.ENDPOINT, _ALLOWED, _DEPLOY, shown=False),
        "deploy-refused": EntryKind(Writer.ENDPOINT, _REFUSED, _DEPLOY),
        "deploy-failed": EntryKind(Writer.ENDPOINT, "Deployment Failed", _DEPLOY),
        "pinned": EntryKind(Writer.ENDPOINT, "Session Pinned to Queue", _PINNED),
        "unpinned": EntryKind(Writer.ENDPOINT, "Session Unpinned from Queue", _PINNED),
        "customer-ended": EntryKind(Writer.ENDPOINT, "Session End"),
        "entries-dropped": EntryKind(Writer.ENDPOINT, "Entries Dropped", {"count": int}),
    }
)
"""Kind -> what is known of it."""

ENDPOINT_KINDS: Final = frozenset(kind for kind, entry in ENTRIES.items() if entry.writer is Writer.ENDPOINT)
"""Kinds that an endpoint may POST."""
