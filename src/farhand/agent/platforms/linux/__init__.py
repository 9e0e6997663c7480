"""Linux: facts from /etc/os-release and /proc, X displays by their socket, services by systemd where it runs."""

import contextlib
import ctypes
import gc
import getpass
import os
import platform
import socket
from pathlib import Path

from farhand.agent.platforms.linux.service import BackgroundService, SystemdService, systemd_runs
from farhand.protocol.messages import Facts

_X_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108  the X Window System's own place, since ever
_FIRST_X_PORT = 6000


class LinuxPlatform:
    """This machine, a Linux."""

    def facts(self, display: str | None) -> Facts:
        """Return what this machine tells of itself."""
        return Facts(
            hostname=socket.gethostname()[:128],
            platform="linux",
            os_name=_os_name()[:128],
            user=_user()[:128],
            private_ip=_private_ip(),
            display=display is not None,
            uptime_s=_uptime(),
        )

    def find_display(self, wanted: str | None) -> str | None:
        """Return a display whose X server answers on its socket."""
        name = wanted or os.environ.get("DISPLAY", "")
        return name if name and _answers(name) else None

    def give_back_memory(self) -> None:
        """Starting leaves free heap behind that the C library would keep (glibc; elsewhere nothing happens)."""
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

    def service(self) -> SystemdService | BackgroundService:
        """systemd where it runs, a background process elsewhere."""
        return SystemdService() if systemd_runs() else BackgroundService()


def _os_name() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return "Linux"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _private_ip() -> str:
    """The address that this machine would speak from; nothing is sent (a UDP socket only picks a route)."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return ""


def _uptime() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(float(Path("/proc/uptime").read_text().split()[0]))
    return 0


def _answers(display: str) -> bool:
    """Say whether an X server listens for `display` (`:1`, `:1.0`, `host:1`)."""
    host, _colon, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return False
    try:
        if host in {"", "unix"}:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                probe.connect(str(_X_SOCKETS / f"X{number}"))
        else:
            with socket.create_connection((host, _FIRST_X_PORT + int(number)), timeout=1.0):
                pass
    except (OSError, OverflowError, UnicodeError):
        return False
    return True
