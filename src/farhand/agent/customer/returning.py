"""The customer client's way back into its session after a reboot: a copy of itself that the next sign-in starts, once.

Why it exists: the customer agreed to this session and to this reboot; nobody should have to find the download again.
What is kept is the session's own key, which opens nothing else and nothing after the session's end.

Rules: the files are the person's alone, and are there only between the reboot and the return. The one who comes back
removes the start of it first, then the rest at its end.
"""

import shutil
import sys
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand.agent.core.errors import ClientError
from farhand.agent.core.files import make_private_folder, read_bounded, write_private
from farhand.agent.core.machine import MachineError
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.platforms import NextSignIn
from farhand.agent.texts import _
from farhand.kit.signing import key_from_seed, seed_of
from farhand.protocol.messages import NOT_UNDERSTOOD, Ability, Hex32, Message

STATE = "return.json"
CLIENT = "farhand-client.pyz"
_MAX_STATE = 1 << 16


class Way(Message, frozen=True, kw_only=True):
    """What the one who comes back must know."""

    config: CustomerConfig
    seed: Hex32
    """The key's secret bytes."""
    came_from: str = ""
    """The file that the person downloaded: removed with the rest."""

    @property
    def key(self) -> Ed25519PrivateKey:
        """The session's key."""
        return key_from_seed(bytes.fromhex(self.seed))


def read_way(file: Path) -> Way:
    """Return what was kept, and remove it: it serves once. Raises ClientError."""
    try:
        way = msgspec.json.decode(read_bounded(file, _MAX_STATE), type=Way)
        file.unlink()
    except (OSError, ValueError, *NOT_UNDERSTOOD) as error:
        raise ClientError(_("There is no session to come back to.")) from error
    return way


class CustomerReturn:
    """See `core.returning.Return`."""

    def __init__(
        self, place: NextSignIn, package: Package, config: CustomerConfig, key: Ed25519PrivateKey, came_from: str = ""
    ) -> None:
        """`came_from`: what was downloaded first, when this client came back itself."""
        self._place = place
        self._package = package
        self._config = config
        self._key = key
        self._came_from = came_from

    def ability(self) -> Ability:
        """A client file, and a desktop that starts it."""
        if self._package.file is None:
            return Ability(reason=_("This client does not run from a client file, so nothing would start it again."))
        return self._place.ability()

    def prepare(self) -> None:
        """Copy the client, keep the key, and have the next sign-in start it. Raises MachineError."""
        source, folder = self._package.file, self._place.folder
        if source is None:
            raise MachineError(self.ability().reason)
        try:
            make_private_folder(folder)
            client = folder / CLIENT
            if source.resolve() != client.resolve():
                shutil.copyfile(source, client)
            way = Way(config=self._config, seed=seed_of(self._key).hex(), came_from=self._came_from or str(source))
            write_private(folder / STATE, msgspec.json.encode(way))
            self._place.set([sys.executable, str(client), "return", "--from", str(folder / STATE)])
        except OSError as error:
            self._place.forget()
            raise MachineError(
                _("The client cannot prepare to come back: {reason}.").format(reason=error.strerror or error)
            ) from error

    def forget(self) -> None:
        """Remove all of it."""
        self._place.forget()
