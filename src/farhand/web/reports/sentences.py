"""What a session event says, as a sentence of the reader's language: who, which shell, how many are still open.

Text and data of events come from endpoints and customers: hostile until shown as text. A kind without a sentence
shows its own text.
"""

import json
from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_noop as _

from farhand.web.support.models import SessionEvent

_BY: Final[dict[str, str]] = {
    "leg-joined": _("%(by)s joined the session."),
    "leg-left": _("%(by)s left the session."),
    "screen-requested": _("%(by)s asked to see the screen."),
    "screen-started": _("Screen Sharing started for %(by)s."),
    "screen-refused": _("Screen Sharing was refused to %(by)s."),
    "screen-stopped": _("Screen Sharing stopped."),
    "pinned": _("%(by)s made this computer the Jump Client %(name)s of the Jump Group %(group)s."),
    "unpinned": _("%(by)s uninstalled the Jump Client %(name)s of this computer."),
    "control-requested": _("%(by)s asked to control mouse and keyboard."),
    "control-granted": _("%(by)s controls mouse and keyboard."),
    "control-refused": _("Control of mouse and keyboard was refused to %(by)s."),
    "control-released": _("Control of mouse and keyboard ended."),
    "block-requested": _("%(by)s asked to disable mouse and keyboard there."),
    "block-started": _("%(by)s disabled mouse and keyboard there."),
    "block-refused": _("Disabling mouse and keyboard was refused to %(by)s."),
    "secret-typed": _("%(by)s typed a secret. Its window is black in the recording."),
    "files-requested": _("%(by)s asked for File Transfer."),
    "files-started": _("File Transfer started for %(by)s."),
    "files-refused": _("File Transfer was refused to %(by)s."),
    "files-stopped": _("File Transfer of %(by)s stopped."),
    "shell-requested": _("%(by)s asked for a Command Shell."),
    "shell-refused": _("A Command Shell was refused to %(by)s."),
    "clipboard-requested": _("%(by)s asked to share the clipboard."),
    "clipboard-started": _("Clipboard Sharing started for %(by)s."),
    "clipboard-refused": _("Clipboard Sharing was refused to %(by)s."),
    "clipboard-stopped": _("Clipboard Sharing stopped."),
    "client-requested": _("%(by)s asked the customer to run the full customer client."),
    "client-started": _("The full customer client runs and has taken over from the chat in the browser."),
    "recording-started": _("The recording started."),
    "recording-gap": _("The recording has a gap here."),
    "action-refused": _("A special action was refused to %(by)s."),
    "action-failed": _("A special action of %(by)s did not work."),
    "power-failed": _("The restart or shutdown by %(by)s did not work."),
    "power-refused": _("A restart or shutdown was refused to %(by)s."),
    "power-returned": _("The remote computer is back."),
    "pin-password": _("A password is asked before every Jump with %(name)s."),
    "customer-ended": _("The customer ended the session."),
    "session-ended": _("The session ended."),
    "ended": _("The session ended."),
    "accepted": _("%(by)s accepted the session."),
    "jumped": _("%(by)s started the session by a Jump."),
    "customer-started": _("The customer started the client and waits."),
    "chat-started": _("The customer chats in the browser, without a client, and waits."),
    "key-used": _("The session key was used."),
    "help-asked": _("The customer asked for help at the public portal."),
    "left": _("%(by)s left the session."),
    "paused": _("%(by)s paused the session."),
    "transfer-offered": _("%(by)s is transferring the session to %(to)s."),
    "transfer-accepted": _("%(by)s accepted the transferred session."),
    "transfer-cancelled": _("%(by)s cancelled the transfer to %(to)s."),
    "transfer-declined": _("%(by)s declined the transferred session."),
    "moved": _("%(by)s moved the waiting session to %(to)s."),
    "owner-changed": _("The session is owned by %(to)s now."),
    "invited": _("%(by)s invited %(to)s into the session."),
    "invitation-accepted": _("%(by)s accepted the invitation for %(to)s."),
    "invitation-cancelled": _("%(by)s cancelled the invitation for %(to)s."),
    "invitation-declined": _("%(by)s declined the invitation."),
    "member-removed": _("%(by)s removed %(to)s from the session."),
    "customer-disconnected": _("%(by)s disconnected the customer."),
}


def sentence(event: SessionEvent) -> str:
    """Return the sentence of one event."""
    special = _SPECIAL.get(event.kind)
    if special is not None:
        return special(event)
    text = _BY.get(event.kind)
    if text is None:
        return event.text
    said = gettext(text) % {"by": _by(event), **{name: event.data.get(name, "") for name in ("to", "name", "group")}}
    return f"{said} {event.text}".rstrip() if event.text != said else said


def _by(event: SessionEvent) -> str:
    by = event.data.get("by")
    return by if isinstance(by, str) and by else event.name or gettext("Somebody")


def _number(event: SessionEvent, key: str) -> int:
    value = event.data.get(key)
    return value if isinstance(value, int) else 0


def _open(event: SessionEvent) -> str:
    """R-187: the count of shells still open. With the first use of the Command Shell starts, with the last it stops."""
    count = _number(event, "open")
    if count == 0:
        return gettext("No shell is open.")
    return ngettext("%(count)d shell is open.", "%(count)d shells are open.", count) % {"count": count}


def _shell_opened(event: SessionEvent) -> str:
    values = {"by": _by(event), "number": _number(event, "shell")}
    if _number(event, "open") > 1:
        said = gettext("%(by)s opened another instance, Command Shell %(number)d.") % values
    else:
        said = gettext("%(by)s started to use the Command Shell and opened Command Shell %(number)d.") % values
    return f"{said} {_open(event)}"


def _shell_closed(event: SessionEvent) -> str:
    values = {"number": _number(event, "shell")}
    if _number(event, "open"):
        said = gettext("Command Shell %(number)d was closed.") % values
    else:
        said = gettext("Command Shell %(number)d was closed, and use of the Command Shell stopped.") % values
    return f"{said} {_open(event)}"


def _action_requested(event: SessionEvent) -> str:
    return gettext("%(by)s asked for a special action (%(action)s).") % {
        "by": _by(event), "action": event.data.get("action", ""),
    }  # fmt: skip


def _action_run(event: SessionEvent) -> str:
    said = gettext("%(by)s used the special action %(action)s.")
    if event.data.get("context") == "system":
        said = gettext("%(by)s used the special action %(action)s in the system's own account.")
    return said % {"by": _by(event), "action": event.text or event.data.get("action", "")}


_BLOCK_ENDS: Final[dict[str, str]] = {
    "person": _("Mouse and keyboard there work again: the person there pressed Ctrl-Alt-Del."),
    "released": _("Mouse and keyboard there work again: %(by)s gave them back."),
    "control": _("Mouse and keyboard there work again: the control of %(by)s ended."),
    "lost": _("Mouse and keyboard there work again: the connection was lost."),
    "question": _("Mouse and keyboard there work again: the customer was asked something."),
}


def _block_stopped(event: SessionEvent) -> str:
    said = _BLOCK_ENDS.get(str(event.data.get("reason")), _("Mouse and keyboard there work again."))
    return f"{gettext(said) % {'by': _by(event)}} {event.text}".rstrip()


def _script(event: SessionEvent) -> dict[str, object]:
    return {
        "by": _by(event), "script": event.data.get("name", ""), "status": _number(event, "status"),
        "ended_by": event.data.get("ended_by", ""),
    }  # fmt: skip


def _script_requested(event: SessionEvent) -> str:
    return gettext("%(by)s asked to run the canned script %(script)s.") % _script(event)


def _script_started(event: SessionEvent) -> str:
    said = gettext("%(by)s ran the canned script %(script)s.")
    if event.data.get("context") == "system":
        said = gettext("%(by)s ran the canned script %(script)s in the system's own account.")
    return " ".join([said % _script(event), *_values(str(event.data.get("parameters", "")))])


def _values(parameters: str) -> list[str]:
    """Each value in quotes, so that it cannot pass for another one or for words of the sentence."""
    lines = (line.partition("=") for line in parameters.split("\n") if line)
    return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, _equals, value in lines]


def _script_refused(event: SessionEvent) -> str:
    said = gettext("A canned script of %(by)s was not run:")
    return f"{said % _script(event)} {event.text}"


def _script_ended(event: SessionEvent) -> str:
    """With the end of what it wrote."""
    said = {
        "cancelled": gettext("The canned script %(script)s was cancelled."),
        "time-limit": gettext("The canned script %(script)s ran into its time limit and was ended."),
        "failed": gettext("The canned script %(script)s could not be run:"),
        "session-ended": gettext("The canned script %(script)s was ended with the session."),
        "lost": gettext("The canned script %(script)s was ended: the client at the remote computer was restarted."),
    }.get(str(event.data.get("reason")), gettext("The canned script %(script)s ended with exit status %(status)s."))
    if event.data.get("reason") == "cancelled" and event.data.get("ended_by"):
        said = gettext("The canned script %(script)s was cancelled by %(ended_by)s.")
    if not event.text:
        return said % _script(event)
    if event.data.get("reason") == "failed":
        return f"{said % _script(event)} {event.text}"
    return f"{said % _script(event)} {gettext('Output:')} {event.text}"


def _power_requested(event: SessionEvent) -> str:
    if event.data.get("how") == "shutdown":
        return gettext("%(by)s asked to shut down the remote computer.") % {"by": _by(event)}
    return gettext("%(by)s asked to restart the remote computer.") % {"by": _by(event)}


def _power_started(event: SessionEvent) -> str:
    if event.data.get("how") == "shutdown":
        return gettext("%(by)s shut down the remote computer.") % {"by": _by(event)}
    return gettext("%(by)s restarted the remote computer.") % {"by": _by(event)}


def _clipboard(event: SessionEvent) -> str:
    values = {"by": _by(event), "count": _number(event, "bytes")}
    if event.data.get("format") == "files":
        return _clipboard_files(event, _number(event, "count"))
    if event.kind == "clipboard-given":
        if event.data.get("format") == "png":
            return gettext("%(by)s sent a picture to the remote clipboard (%(count)d bytes).") % values
        return gettext("%(by)s sent text to the remote clipboard (%(count)d bytes).") % values
    if event.data.get("format") == "png":
        return gettext("%(by)s took a picture from the remote clipboard (%(count)d bytes).") % values
    return gettext("%(by)s took text from the remote clipboard (%(count)d bytes).") % values


def _clipboard_files(event: SessionEvent, count: int) -> str:
    if event.kind == "clipboard-given":
        said = ngettext(
            "%(by)s put %(count)d file or directory into the remote clipboard.",
            "%(by)s put %(count)d files or directories into the remote clipboard.",
            count,
        )
    else:
        said = ngettext(
            "%(by)s saw the name of %(count)d file or directory in the remote clipboard.",
            "%(by)s saw the names of %(count)d files or directories in the remote clipboard.",
            count,
        )
    return said % {"by": _by(event), "count": count}


def _returned(event: SessionEvent) -> str:
    if queue := event.data.get("queue"):
        return gettext("The representative was lost. The session waits in the queue %(queue)s.") % {"queue": queue}
    return gettext("The session went back to the queue.")


def _routed(event: SessionEvent) -> str:
    said = gettext("A rule for waiting sessions moved the session from the queue %(before)s to the queue %(queue)s.")
    return said % {"before": event.data.get("before", ""), "queue": event.data.get("queue", "")}


def _waiting_message(event: SessionEvent) -> str:
    said = gettext("The waiting customer was told:")
    return f"{said} {event.data.get('text', '')}"


def _entries_dropped(event: SessionEvent) -> str:
    count = _number(event, "count")
    said = ngettext(
        "%(count)d entry of the endpoint was lost while its connection was away.",
        "%(count)d entries of the endpoint were lost while its connection was away.",
        count,
    )
    return said % {"count": count}


_DEPLOYS: Final[dict[tuple[str, str], str]] = {
    ("deploy-requested", "pin"): _("%(by)s asked to install the Jump Client %(name)s."),
    ("deploy-allowed", "pin"): _("Installing the Jump Client %(name)s was allowed to %(by)s."),
    ("deploy-refused", "pin"): _("Installing a Jump Client was refused to %(by)s:"),
    ("deploy-failed", "pin"): _("The Jump Client %(name)s could not be installed:"),
    ("deploy-requested", "unpin"): _("%(by)s asked to uninstall the Jump Client %(name)s."),
    ("deploy-allowed", "unpin"): _("Uninstalling the Jump Client %(name)s was allowed to %(by)s."),
    ("deploy-refused", "unpin"): _("Uninstalling the Jump Client was refused to %(by)s:"),
    ("deploy-failed", "unpin"): _("The Jump Client %(name)s could not be uninstalled:"),
}


def _deploy(event: SessionEvent) -> str:
    said = _DEPLOYS[event.kind, "unpin" if event.data.get("what") == "unpin" else "pin"]
    return f"{gettext(said) % {'by': _by(event), 'name': event.data.get('name', '')}} {event.text}".rstrip()


_FILES: Final[dict[str, str]] = {
    "file-uploaded": _("%(by)s uploaded %(path)s: %(size)s, SHA-256 %(sha256)s."),
    "file-upload-failed": _("%(by)s did not finish uploading %(path)s: %(size)s came (%(code)s)."),
    "file-downloaded": _("%(by)s downloaded %(path)s: %(size)s, SHA-256 %(sha256)s."),
    "file-download-failed": _("%(by)s did not finish downloading %(path)s: %(size)s went (%(code)s)."),
    "file-moved": _("%(by)s renamed %(path)s to %(to)s."),
    "file-deleted": _("%(by)s deleted %(path)s: %(size)s."),
    "file-refused": _("%(by)s may not reach %(path)s (%(code)s)."),
    "folder-created": _("%(by)s made the directory %(path)s."),
}


def _files(event: SessionEvent) -> str:
    """R-188: what was done with which file, its size and hash; of many, how many and the hash of their list."""
    data = {name: str(event.data.get(name, "")) for name in ("path", "to", "sha256", "code")}
    size, count = _number(event, "size"), _number(event, "count")
    shown = ngettext("%(size)d byte", "%(size)d bytes", size) % {"size": size}
    said = gettext(_FILES[event.kind]) % {**data, "by": _by(event), "size": shown}
    if count > 1:
        said += " " + ngettext("%(count)d file or directory.", "%(count)d files or directories.", count) % {
            "count": count
        }
    return f"{said}\n{event.text}" if event.text else said


_SPECIAL: Final[dict[str, Callable[[SessionEvent], str]]] = {
    "shell-opened": _shell_opened,
    "shell-closed": _shell_closed,
    "action-requested": _action_requested,
    "action-run": _action_run,
    "block-stopped": _block_stopped,
    "script-requested": _script_requested,
    "script-started": _script_started,
    "script-refused": _script_refused,
    "script-ended": _script_ended,
    "power-requested": _power_requested,
    "power-started": _power_started,
    "clipboard-given": _clipboard,
    "clipboard-taken": _clipboard,
    "deploy-requested": _deploy,
    "deploy-allowed": _deploy,
    "deploy-refused": _deploy,
    "deploy-failed": _deploy,
    "entries-dropped": _entries_dropped,
    "returned": _returned,
    "routed": _routed,
    "waiting-message": _waiting_message,
    **dict.fromkeys(_FILES, _files),
}
