"""Keeping the Jump Client running: a systemd unit where systemd runs, else a detached process without a unit."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.agent.core.errors import ClientError
from farhand.agent.core.files import write_private
from farhand.agent.platforms.linux.autostart import Autostart
from farhand.agent.texts import _
from farhand.protocol.messages import Ability

UNIT = "farhand-client.service"
PID_FILE = "client.pid"
LOG_FILE = "client.log"
_UNIT_TEXT = """[Unit]
Description=Farhand Jump Client
After=network-online.target
Wants=network-online.target

[Service]
ExecStart="{python}" "{file}" run --state "{state}"
Restart=always
RestartSec=2
NoNewPrivileges=no

[Install]
WantedBy={target}
"""


def systemd_runs() -> bool:
    """Say whether systemd is this machine's service manager (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


class SystemdService:
    """A unit of the machine for root, of the user otherwise."""

    def __init__(self) -> None:
        self._user = os.geteuid() != 0

    def start(self, file: Path, state: Path) -> str:
        """Write the unit, enable and start it."""
        for path in (file, state, Path(sys.executable)):
            if any(character in str(path) for character in '"\\%\n$'):
                raise ClientError(
                    _("The path {path} has characters that a service unit cannot hold.").format(path=path)
                )
        text = _UNIT_TEXT.format(
            python=sys.executable,
            file=file,
            state=state,
            target="default.target" if self._user else "multi-user.target",
        )
        folder = self._folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_private(folder / UNIT, text.encode(), 0o644)
        except OSError as error:
            raise ClientError(
                _("The service unit cannot be written: {reason}.").format(reason=error.strerror)
            ) from error
        self._systemctl("daemon-reload")
        self._systemctl("enable", "--now", UNIT)
        if self._user:
            return _("The Jump Client runs as a service of your account; it starts when you sign in.")
        return _("The Jump Client runs as a service and starts with this machine.")

    def stop(self, _state: Path) -> None:
        """Stop, disable and remove the unit."""
        if (self._folder() / UNIT).exists():
            with contextlib.suppress(ClientError):
                self._systemctl("disable", "--now", UNIT)
            (self._folder() / UNIT).unlink(missing_ok=True)
            self._systemctl("daemon-reload")

    def stop_self(self, _state: Path) -> None:
        """Remove the unit that this process belongs to; the manager ends the process then."""
        path = self._folder() / UNIT
        if path.exists():
            with contextlib.suppress(ClientError):
                self._systemctl("disable", UNIT)
            path.unlink(missing_ok=True)
            with contextlib.suppress(ClientError):
                self._systemctl("daemon-reload")
            self._systemctl("stop", "--no-block", UNIT)

    def _folder(self) -> Path:
        return Path.home() / ".config/systemd/user" if self._user else Path("/etc/systemd/system")

    def _systemctl(self, *words: str) -> None:
        command = ["systemctl", *(["--user"] if self._user else []), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ClientError(_("systemctl could not be run: {reason}.").format(reason=error)) from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise ClientError(_("systemctl refused: {reason}").format(reason=said[-1] if said else done.returncode))


class BackgroundService:
    """A detached process; its number is in the state folder. For accounts without a desktop, where no systemd runs."""

    def start(self, file: Path, state: Path) -> str:
        """Start the client in the background."""
        log = os.open(state / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            process = subprocess.Popen(
                [sys.executable, str(file), "run", "--state", str(state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise ClientError(_("The client could not be started: {reason}.").format(reason=error.strerror)) from error
        finally:
            os.close(log)
        write_private(state / PID_FILE, f"{process.pid} {_started(process.pid)}\n".encode())
        # It is nobody's child from here on; a finished one must not warn when this program ends.
        process.returncode = 0
        return _(
            "The Jump Client runs in the background; this machine has no systemd, so it will not start at boot by "
            "itself."
        )

    def stop(self, state: Path) -> None:
        """End the background process, if it still is the one that was started."""
        with contextlib.suppress(OSError, ValueError):
            pid, started = (int(word) for word in (state / PID_FILE).read_text().split())
            if started and _started(pid) == started:
                os.kill(pid, signal.SIGTERM)
                deadline = time.monotonic() + 5
                while _started(pid) == started and time.monotonic() < deadline:
                    time.sleep(0.05)
                if _started(pid) == started:
                    os.kill(pid, signal.SIGKILL)
        (state / PID_FILE).unlink(missing_ok=True)

    def stop_self(self, state: Path) -> None:
        """End this process, in order."""
        (state / PID_FILE).unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGTERM)


class DesktopService(BackgroundService):
    """A detached process that starts again when its person signs in to the desktop: where no systemd runs."""

    def __init__(self) -> None:
        self._entry = Autostart("client")

    def start(self, file: Path, state: Path) -> str:
        """Start the client, and have every sign-in start it."""
        super().start(file, state)
        try:
            self._entry.set([sys.executable, str(file), "run", "--state", str(state)])
        except OSError as error:
            super().stop(state)
            text = _("The client cannot be started at sign-in: {reason}.").format(reason=error.strerror)
            raise ClientError(text) from error
        return _("The Jump Client runs in the background; it starts when you sign in.")

    def stop(self, state: Path) -> None:
        """End the client; sign-ins start nothing any more."""
        self._entry.forget()
        super().stop(state)

    def stop_self(self, state: Path) -> None:
        """The same for this process."""
        self._entry.forget()
        super().stop_self(state)


def _started(pid: int) -> int:
    """Return a process's start time in clock ticks (proc(5), field 22); 0 when it is gone or has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


class ServiceReturn:
    """Coming back after a reboot, for a Jump Client: systemd starts the service that this process belongs to."""

    def ability(self) -> Ability:
        """Say whether this process is such a service (systemd.exec(5): INVOCATION_ID)."""
        if systemd_runs() and os.environ.get("INVOCATION_ID"):
            return Ability(can=True)
        return cannot("no-service")

    def prepare(self) -> None:
        """The service is enabled already."""

    def forget(self) -> None:
        """The service stays."""
