"""The customer client's way back into its session after a reboot: a copy of itself that the next sign-in starts, once.

Why it exists: the customer agreed to this session and to this reboot; nobody should have to find the download again.
What is kept is the session's own key, which opens nothing else and nothing after the session's end.

Rules: the files are the person's alone. They stay until the server has taken the client back, so that a network that
is late, or a second reboot, loses nothing; when it refuses, or after a day, all of it goes.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand.agent.core.abilities import cannot
from farhand.agent.core.errors import ClientError
from farhand.agent.core.files import make_private_folder, read_bounded, write_private
from farhand.agent.core.machine import MachineError
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.platforms import NextSignIn
from farhand.agent.texts import _
from farhand.kit.signing import key_from_seed, seed_of
from farhand.protocol.messages import NOT_UNDERSTOOD, Ability, Count, Hex32, Message

STATE = "return.json"
CLIENT = "farhand-client.pyz"
RETURN_S = 24 * 3600.0
"""How long a client may be on its way back: as long as a ticket of its leg holds."""
_MAX_STATE = 1 << 16
_FOLDER = "return-"
"""Begin of the names of the folders that are used here."""


class Way(Message, frozen=True, kw_only=True):
    """What the one who comes back must know."""

    config: CustomerConfig
    seed: Hex32
    """The key's secret bytes."""
    came_from: str = ""
    """The file that the person downloaded: removed with the rest."""
    until_ms: Count = 0
    """Wall clock, in ms since 1970: after it nothing comes back. 0: a client before this field kept it, and the
    file's own time counts."""

    @property
    def key(self) -> Ed25519PrivateKey:
        """The session's key."""
        return key_from_seed(bytes.fromhex(self.seed))


class Back:
    """One return that goes on: what was kept for it, and what has to go afterwards."""

    def __init__(self, way: Way, place: NextSignIn, file: Path) -> None:
        self.way = way
        self._place = place
        self._file = file

    @property
    def rest_s(self) -> float:
        """Seconds that are left for it; never more than it had at first, whatever the clock says."""
        return min(self.way.until_ms / 1000 - time.time(), RETURN_S)

    def taken(self) -> None:
        """The server has taken the client back: the next sign-in starts nothing, and the key is nowhere on disk."""
        self._place.unset()
        self._file.unlink(missing_ok=True)

    def over(self) -> None:
        """Nothing comes of it any more: all that was kept goes."""
        self._place.forget()


def read_back(file: Path, place: Callable[[str], NextSignIn]) -> Back:
    """Return what was kept for coming back; `place` gives the place of that name. Raises ClientError when nothing was
    kept there, or it is damaged or too old; what is left of it is removed then."""
    if not file.parent.name.startswith(_FOLDER):
        raise ClientError(_("There is no session to come back to."))
    found = place(file.parent.name)
    try:
        way = msgspec.json.decode(read_bounded(file, _MAX_STATE), type=Way)
        kept_s = file.stat().st_mtime
    except (OSError, ValueError, *NOT_UNDERSTOOD) as error:
        found.forget()
        raise ClientError(_("There is no session to come back to.")) from error
    if not way.until_ms:
        way = msgspec.structs.replace(way, until_ms=max(0, round((kept_s + RETURN_S) * 1000)))
    back = Back(way, found, file)
    if back.rest_s <= 0:
        back.over()
        raise ClientError(_("There is no session to come back to."))
    return back


def place_name(session_id: str) -> str:
    """Return the name of the place for one session."""
    return f"{_FOLDER}{session_id}"


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
        self._turn = threading.Lock()
        self._over = False

    def ability(self) -> Ability:
        """A client file, and a desktop that starts it."""
        if self._package.file is None:
            return cannot("no-client-file")
        return self._place.ability()

    def prepare(self) -> None:
        """Copy the client, keep the key, and have the next sign-in start it. Raises MachineError."""
        source = self._package.file
        if source is None:
            raise MachineError(self.ability().reason)
        with self._turn:
            if self._over:
                raise MachineError(_("The session has ended."))
            self._prepare(source, self._place.folder)

    def _prepare(self, source: Path, folder: Path) -> None:
        try:
            make_private_folder(folder)
            client = folder / CLIENT
            if source.resolve() != client.resolve():
                shutil.copyfile(source, client)
            way = Way(
                config=self._config,
                seed=seed_of(self._key).hex(),
                came_from=self._came_from or str(source),
                until_ms=round((time.time() + RETURN_S) * 1000),
            )
            write_private(folder / STATE, msgspec.json.encode(way))
            self._place.set([sys.executable, str(client), "return", "--from", str(folder / STATE)])
        except OSError as error:
            self._place.forget()
            raise MachineError(
                _("The client cannot prepare to come back: {reason}.").format(reason=error.strerror or error)
            ) from error

    def forget(self) -> None:
        """Remove all of it."""
        with self._turn:
            self._place.forget()

    def close(self) -> None:
        """The session is over: remove all of it, and prepare nothing any more, whatever thread is about to."""
        with self._turn:
            self._over = True
            self._place.forget()
