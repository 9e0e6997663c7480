"""Linux: facts from /etc/os-release and /proc, desktops of Wayland compositors and X displays, services by systemd.

Rules: where a Wayland compositor answers it is the desktop, although an X server may answer too: that one (Xwayland)
shows only the windows of programs that know nothing of Wayland. GNOME's and wlroots' own interfaces come before the
desktop's portal, which asks the person there; FARHAND_DESKTOP=portal turns that around.
"""

import contextlib
import ctypes
import gc
import getpass
import os
import platform
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from farhand.agent.core.desktop import Desktop, UnsupportedError
from farhand.agent.core.opening import Shared
from farhand.agent.core.tools import tool_names
from farhand.agent.platforms.linux.autostart import Autostart
from farhand.agent.platforms.linux.gnome.find import gnome_abilities, is_gnome
from farhand.agent.platforms.linux.machine import LinuxMachine
from farhand.agent.platforms.linux.portal.find import portal_abilities, portal_wanted
from farhand.agent.platforms.linux.service import (
    BackgroundService,
    DesktopService,
    ServiceReturn,
    SystemdService,
    systemd_runs,
)
from farhand.agent.platforms.linux.wayland.find import Compositor, find_compositor
from farhand.agent.platforms.linux.wlroots.find import is_wlroots, wlroots_abilities
from farhand.agent.platforms.linux.x11.find import find_display, x11_abilities
from farhand.protocol.messages import Abilities, Facts

if TYPE_CHECKING:
    from farhand.agent.platforms.linux.portal.session import PortalSession


class LinuxPlatform:
    """This machine, a Linux. What outlives the program is kept in `state`, where there is such a folder."""

    def __init__(self, state: Path | None = None) -> None:
        self._state = state
        self._portal: Shared[PortalSession] = Shared(self._open_portal)
        """All sessions have the same, so that the person is asked once for them."""

    def facts(self, wanted: str | None = None) -> Facts:
        """Return what this machine tells of itself."""
        desktop = self.abilities(wanted)
        return Facts(
            hostname=socket.gethostname()[:128],
            platform="linux",
            os_name=_os_name()[:128],
            user=_user()[:128],
            private_ip=_private_ip(),
            display=desktop is not None and desktop.see.can,
            desktop=desktop,
            tools=tool_names(),
            uptime_s=_uptime(),
        )

    def abilities(self, wanted: str | None) -> Abilities | None:
        """What can be done on the compositor or X display that answers."""
        compositor = find_compositor(wanted)
        if compositor is not None:
            return _wayland_abilities(compositor)
        display = find_display(wanted)
        return x11_abilities(display) if display is not None else None

    async def desktop(self, wanted: str | None) -> Desktop | None:
        """Open the compositor or X display that answers."""
        # Their modules load libraries: an idle client has none of them.
        compositor = find_compositor(wanted)
        if compositor is not None:
            return _own_desktop(compositor) or await self._portal_desktop(compositor)
        display = find_display(wanted)
        if display is None:
            return None
        from farhand.agent.platforms.linux.x11.desktop import X11Desktop

        return X11Desktop(display)

    async def _portal_desktop(self, compositor: Compositor) -> Desktop | None:
        able = portal_abilities(compositor).see
        if not able.can:
            raise UnsupportedError(able.reason)
        from farhand.agent.platforms.linux.portal.desktop import PortalDesktop

        session = await self._portal.get()
        return PortalDesktop(compositor, session) if session is not None else None

    async def _open_portal(self) -> "PortalSession":
        from farhand.agent.platforms.linux.portal.open import open_session
        from farhand.agent.platforms.linux.portal.token import TokenStore

        return await open_session(TokenStore(self._state))

    def machine(self, wanted: str | None) -> LinuxMachine:
        """This machine; its programs are opened on the compositor or X display that answers."""
        return LinuxMachine(lambda: _way_to_desktop(wanted), lambda: _kind_of_desktop(wanted))

    def service_returns(self) -> ServiceReturn:
        """Whether systemd starts the client again."""
        return ServiceReturn()

    def next_sign_in(self, name: str) -> Autostart:
        """An autostart entry of the person's desktop."""
        return Autostart(name)

    def give_back_memory(self) -> None:
        """Starting leaves free heap behind that the C library would keep (glibc; elsewhere nothing happens)."""
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

    def service(self) -> SystemdService | BackgroundService:
        """systemd where it runs, a background process elsewhere: one that a person's desktop starts again, for root
        one that nothing does.
        """
        if systemd_runs():
            return SystemdService()
        return DesktopService() if os.geteuid() != 0 or os.environ.get("XDG_CURRENT_DESKTOP") else BackgroundService()


def _way_to_desktop(wanted: str | None) -> dict[str, str] | None:
    """What a program finds the desktop by. On Wayland that is the compositor, or Xwayland for old programs."""
    compositor = find_compositor(wanted)
    display = find_display(wanted if compositor is None else None)
    found = {"DISPLAY": display} if display is not None else {}
    if compositor is not None:
        found |= compositor.environment
    return found or None


def _kind_of_desktop(wanted: str | None) -> str:
    """As `Abilities` has it, by whatever way it is shared."""
    compositor = find_compositor(wanted)
    if compositor is None:
        return "x11"
    if is_gnome(compositor):
        return "gnome"
    return "wlroots" if is_wlroots(compositor) else "wayland"


def _wayland_abilities(compositor: Compositor) -> Abilities:
    if not portal_wanted():
        if is_gnome(compositor):
            return gnome_abilities()
        if is_wlroots(compositor):
            return wlroots_abilities(compositor)
    return portal_abilities(compositor)


def _own_desktop(compositor: Compositor) -> Desktop | None:
    """The desktop by the compositor's own interface, None where the portal is the way."""
    if portal_wanted():
        return None
    if is_gnome(compositor):
        from farhand.agent.platforms.linux.gnome.desktop import GnomeDesktop

        return GnomeDesktop(compositor)
    if is_wlroots(compositor):
        from farhand.agent.platforms.linux.wlroots.desktop import WlrootsDesktop

        return WlrootsDesktop(compositor)
    return None


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
