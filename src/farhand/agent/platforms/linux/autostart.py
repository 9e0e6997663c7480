"""Something that runs once when the person signs in to the desktop the next time: an XDG autostart entry.

Source of the format: Desktop Application Autostart Specification and Desktop Entry Specification (freedesktop.org).
Rules: the entry and its files are the person's alone (0700, 0600); whoever is started by it removes it when it has done
what it was started for, or cannot do it any more.
"""

import contextlib
import os
import shutil
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.agent.core.files import write_private
from farhand.protocol.messages import Ability

_ENTRY = """[Desktop Entry]
Type=Application
Name=Farhand
Exec={command}
NoDisplay=true
Terminal=false
"""


class Autostart:
    """See `NextSignIn`. `name`: letters, digits and `-`."""

    def __init__(self, name: str) -> None:
        data = os.environ.get("XDG_DATA_HOME") or ""
        config = os.environ.get("XDG_CONFIG_HOME") or ""
        self.folder = (Path(data) if data else Path.home() / ".local/share") / "farhand" / name
        self._entry = (Path(config) if config else Path.home() / ".config") / "autostart" / f"farhand-{name}.desktop"

    def ability(self) -> Ability:
        """Root has no desktop that it signs in to."""
        if os.geteuid() == 0 and not os.environ.get("XDG_CURRENT_DESKTOP"):
            return cannot("root-no-desktop")
        return Ability(can=True)

    def set(self, command: list[str]) -> None:
        """Write the entry. Raises OSError."""
        self._entry.parent.mkdir(parents=True, exist_ok=True)
        write_private(self._entry, _ENTRY.format(command=" ".join(map(_quoted, command))).encode(), 0o600)

    def unset(self) -> None:
        """Remove the entry."""
        with contextlib.suppress(OSError):
            self._entry.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove entry and folder."""
        self.unset()
        shutil.rmtree(self.folder, ignore_errors=True)


def _quoted(word: str) -> str:
    """One argument of `Exec`: quoted, with the specification's escapes of the string and of the argument."""
    for character in ("\\", '"', "`", "$"):
        word = word.replace(character, "\\" + character)
    return '"' + word.replace("\\", "\\\\").replace("%", "%%").replace("\n", "\\n") + '"'
