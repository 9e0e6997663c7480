"""What can go wrong with a file: each is a code for programs and one sentence for people."""

import errno
import os

from farhand.agent.texts import _


class FilesError(Exception):
    """A request ends with this. `code` is one of `protocol.files.FilesDone`; `str(error)` is a sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def explain(error: OSError) -> FilesError:
    """Return the error that tells a person of what the system said."""
    code = _CODES.get(error.errno or 0, "error")
    if code == "error":
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return FilesError(code, _("The remote computer says: {reason}.").format(reason=reason))
    return FilesError(code, sentence(code))


def sentence(code: str) -> str:
    """Return the sentence of a code that needs no more words."""
    return {
        "not-found": _("It is not there any more. Refresh the list."),
        "exists": _("Something of this name is there already."),
        "no-space": _("There is not enough space on the remote computer."),
        "no-permission": _("The remote computer's user may not do that there."),
        "not-regular": _("Only files and folders can be transferred; links are not followed."),
        "name": _("The remote computer does not take this name."),
        "changed": _("The file changed while it was being read. Try again."),
        "hash": _("What came is not what was sent. Try again."),
        "cancelled": _("Cancelled."),
        "outside": _("Your account is limited to other folders of the remote computer."),
        "no-grant": _("Your account may not do that with files."),
        "not-started": _("Start File Transfer first."),
        "busy": _("Too much is going on at once. Wait until something is done."),
        "protocol": _("The console and the remote computer do not understand each other. Update them."),
    }[code]


def failure(code: str) -> FilesError:
    """Return the error of a code that needs no more words."""
    return FilesError(code, sentence(code))


_CODES = {
    errno.ENOENT: "not-found",
    errno.EEXIST: "exists",
    errno.ENOTEMPTY: "exists",
    errno.ENOSPC: "no-space",
    errno.EDQUOT: "no-space",
    errno.EFBIG: "no-space",
    errno.EACCES: "no-permission",
    errno.EPERM: "no-permission",
    errno.EROFS: "no-permission",
    errno.ELOOP: "not-regular",
    errno.ENOTDIR: "not-regular",
    errno.EISDIR: "not-regular",
    errno.ENXIO: "not-regular",
    errno.ENAMETOOLONG: "name",
    errno.EILSEQ: "name",
    errno.EINVAL: "name",
}
