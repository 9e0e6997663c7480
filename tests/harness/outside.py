"""The outside world of an endpoint's machine, which tests must not touch: programs that write down what they were told.

Why it exists: an endpoint is asked to restart itself and to open programs. Its own code is the real one; what it calls
at the end lies first in its PATH, and only takes notes.
"""

from pathlib import Path

SHUTDOWN = (
    '#!/bin/sh\ncase "$*" in *-h*|*poweroff*) did=shutdown ;; *) did=reboot ;; esac\necho "told to $did" >> "{notes}"\n'
)
PROGRAM = '#!/bin/sh\necho "{name} on $DISPLAY" >> "{notes}"\n'


def programs_of(folder: Path) -> None:
    """Put them into the machine that lives in `folder`; what they write is `Machine.did`."""
    programs, notes = folder / "bin", folder / "did"
    programs.mkdir(parents=True, exist_ok=True)
    texts = {name: SHUTDOWN.format(notes=notes) for name in ("shutdown", "systemctl")}
    texts |= {name: PROGRAM.format(name=name, notes=notes) for name in ("x-terminal-emulator", "nautilus")}
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
