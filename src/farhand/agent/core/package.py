"""The single file that this client was started from, if it was, and what is written into it.

The appliance hands a customer the same file for all, with the ZIP comment set to `CustomerConfig`: a comment is outside
everything that the archive's entries say, so no file has to be built for anybody. It names a site key, so a client
with an altered comment would help another site: the file comes over the portal's own HTTPS, and the customer is shown
whom it connects to.
"""

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from farhand.agent.core.errors import ClientError
from farhand.agent.texts import _
from farhand.protocol.messages import NOT_UNDERSTOOD, Hex32, Line, Message, Token

CLIENT_FILE = "farhand-client.pyz"
"""Its name in the state folder of a Jump Client."""
FILE_VARIABLE = "FARHAND_CLIENT_FILE"
UNPACKED_VARIABLE = "FARHAND_CLIENT_UNPACKED"
"""Set by the file's own start-up code: where it is, and the private folder that it unpacked its libraries into."""
UNPACKED_PREFIX = "run-"
"""Name of folders that belong to one run and may be removed with it."""


class CustomerConfig(Message, frozen=True, kw_only=True):
    """The ZIP comment of a customer's file: JSON."""

    server: Line
    site_key: Hex32
    join: Token


@dataclass(frozen=True)
class Package:
    """Where this client came from. Both are None when it runs from a source tree."""

    file: Path | None
    unpacked: Path | None

    def customer_config(self) -> CustomerConfig | None:
        """Return what the file's comment says, or None when it says nothing. Raises ClientError."""
        if self.file is None:
            return None
        try:
            with zipfile.ZipFile(self.file) as archive:
                comment = archive.comment
        except (OSError, zipfile.BadZipFile) as error:
            raise ClientError(_("This client file is damaged: download it again.")) from error
        if not comment:
            return None
        try:
            return msgspec.json.decode(comment, type=CustomerConfig)
        except NOT_UNDERSTOOD as error:
            raise ClientError(_("This client file is damaged: download it again.")) from error

    def copy_to(self, folder: Path) -> Path:
        """Copy the client file to its stable place in a state folder, without the way into any session; return that.
        Raises ClientError.
        """
        target = folder / CLIENT_FILE
        if self.file is None:
            raise ClientError(_("This client does not run from a client file, so it cannot be copied."))
        if self.file.resolve() == target.resolve():
            return target
        beside = target.with_suffix(".new")
        try:
            with zipfile.ZipFile(self.file) as archive:
                rest = len(archive.comment)
            shutil.copyfile(self.file, beside)
            if rest:  # a comment is the file's last bytes, after its length (APPNOTE 4.3.16)
                with beside.open("r+b") as file:
                    file.truncate(beside.stat().st_size - rest)
                    file.seek(-2, os.SEEK_END)
                    file.write(bytes(2))
            beside.chmod(0o700)
            beside.replace(target)
        except (OSError, zipfile.BadZipFile) as error:
            beside.unlink(missing_ok=True)
            raise ClientError(
                _("The client cannot be copied to {path}: {reason}.").format(path=target, reason=error)
            ) from error
        return target

    def remove(self) -> None:
        """Remove the file and what it unpacked for this run. What cannot be removed stays."""
        if self.unpacked is not None and self.unpacked.name.startswith(UNPACKED_PREFIX):
            shutil.rmtree(self.unpacked, ignore_errors=True)
        if self.file is not None:
            try:
                self.file.unlink(missing_ok=True)
            except OSError:
                return


def this_package() -> Package:
    """Return the package that this process was started from."""
    file = os.environ.get(FILE_VARIABLE, "")
    unpacked = os.environ.get(UNPACKED_VARIABLE, "")
    return Package(Path(file) if file else None, Path(unpacked) if unpacked else None)
