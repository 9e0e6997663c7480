"""Who this Jump Client is: its own key, the site that it trusts, what the site says of it.

The key is made on the endpoint and never leaves it. The state folder holds two private files (0600):

    key             32 bytes: the Ed25519 seed
    identity.json   `Identity`: server, pinned site key, credential, name

The site key is pinned at enrolment and never changed by anything that a server sends.
"""

import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand.agent.core.errors import ClientError
from farhand.agent.core.files import make_private_folder, read_bounded, write_private
from farhand.agent.texts import _
from farhand.kit.signing import key_from_seed, new_key, seed_of
from farhand.protocol.messages import NOT_UNDERSTOOD, Hex32, Id, Line, Message, Name, Token

KEY_FILE = "key"
IDENTITY_FILE = "identity.json"
MAX_IDENTITY = 65_536
SEED_SIZE = 32
STATE_VARIABLE = "FARHAND_CLIENT_STATE"


class Identity(Message, frozen=True, kw_only=True):
    """What an enrolled client knows of itself and of its site."""

    server: Line
    """`https://HOST[:PORT]`, without a path."""
    site_key: Hex32
    agent_id: Id
    credential: Token
    name: Name = ""
    group: Name = ""


def default_state() -> Path:
    """Return the state folder of this user: the machine's own for root, else one in the home folder; or what
    FARHAND_CLIENT_STATE says, where one account has several.
    """
    wanted = os.environ.get(STATE_VARIABLE, "")
    if wanted.startswith("/"):
        return Path(wanted)
    if os.geteuid() == 0:
        return Path("/var/lib/farhand-client")
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local/share") / "farhand-client"


class IdentityStore:
    """The state folder of one Jump Client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def enrolled(self) -> bool:
        """Say whether there is an identity."""
        return (self.folder / IDENTITY_FILE).exists()

    def make_key(self) -> Ed25519PrivateKey:
        """Return this endpoint's key; it is made and stored at the first call. Raises ClientError."""
        try:
            make_private_folder(self.folder)
            if not (self.folder / KEY_FILE).exists():
                write_private(self.folder / KEY_FILE, seed_of(new_key()))
        except OSError as error:
            raise ClientError(
                _("The state folder {folder} cannot be written ({reason}): choose another with --state.").format(
                    folder=self.folder, reason=error.strerror
                )
            ) from error
        return self.key()

    def key(self) -> Ed25519PrivateKey:
        """Return the stored key. Raises ClientError."""
        try:
            seed = read_bounded(self.folder / KEY_FILE, SEED_SIZE)
            if len(seed) != SEED_SIZE:
                raise ValueError("short")
            return key_from_seed(seed)
        except (OSError, ValueError, *NOT_UNDERSTOOD) as error:
            raise ClientError(self._damaged(KEY_FILE)) from error

    def save(self, identity: Identity) -> None:
        """Store the identity. Raises ClientError."""
        try:
            write_private(self.folder / IDENTITY_FILE, msgspec.json.encode(identity))
        except OSError as error:
            raise ClientError(
                _("The identity cannot be stored in {folder}: {reason}.").format(
                    folder=self.folder, reason=error.strerror
                )
            ) from error

    def load(self) -> Identity:
        """Return the stored identity. Raises ClientError when there is none or it is damaged."""
        if not self.enrolled:
            raise ClientError(
                _("No Jump Client is installed in {folder}: run `install` first.").format(folder=self.folder)
            )
        try:
            return msgspec.json.decode(read_bounded(self.folder / IDENTITY_FILE, MAX_IDENTITY), type=Identity)
        except (OSError, ValueError, *NOT_UNDERSTOOD) as error:
            raise ClientError(self._damaged(IDENTITY_FILE)) from error

    def forget(self) -> None:
        """Remove key and identity."""
        for name in (IDENTITY_FILE, KEY_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def _damaged(self, name: str) -> str:
        return _("{path} cannot be read or is damaged: run `uninstall`, then install with a new token.").format(
            path=self.folder / name
        )
