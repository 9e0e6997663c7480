"""A Linux machine as a `Machine`: programs of its desktop by a table, restart and shutdown by systemd or shutdown(8).

Rules: a special action is a row of the table with the programs that do it, the first that is installed and can be
opened on this kind of desktop is taken; nothing that a representative sends becomes part of a command. A client without
root's rights does everything as its own account.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from farhand.agent.core.abilities import cannot
from farhand.agent.core.machine import MachineError, Offer
from farhand.agent.platforms.linux.people import Person, own, signed_in
from farhand.agent.platforms.linux.scripts import LinuxScript
from farhand.agent.platforms.linux.service import systemd_runs
from farhand.agent.texts import _
from farhand.protocol.actions import Action, Context, How
from farhand.protocol.messages import Ability

_POWER_S = 20.0
_PASSED_ON = ("LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_CURRENT_DESKTOP",
              "DBUS_SESSION_BUS_ADDRESS")  # fmt: skip
_POWER: dict[How, tuple[list[str], list[str]]] = {
    "reboot": (["systemctl", "--no-ask-password", "reboot"], ["shutdown", "-r", "now"]),
    "shutdown": (["systemctl", "--no-ask-password", "poweroff"], ["shutdown", "-h", "now"]),
}
"""With systemd, and without."""
_X_ALONE = frozenset({"xterm", "uxterm", "lxterm", "koi8rxterm", "urxvt", "rxvt", "rxvt-unicode", "aterm", "st"})
"""Programs that know nothing of Wayland: they need an X server, or Xwayland."""
_SHELL = "org.gnome.ScreenSaver"
_SHELL_LOCK = (
    f"dbus-send --session --type=method_call --dest={_SHELL} /org/gnome/ScreenSaver {_SHELL}.Lock",
    f"gdbus call --session --dest {_SHELL} --object-path /org/gnome/ScreenSaver --method {_SHELL}.Lock",
)
"""GNOME's shell is its own locker."""


@dataclass(frozen=True, slots=True)
class _Action:
    id: str
    name: str
    programs: tuple[str, ...]
    """Commands that do it, the usual ones of each desktop; words are split at blanks."""
    elevated: bool = False
    """It makes sense in the system's own account too."""
    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands of the kinds of desktop (`Abilities.kind`) where others do it."""
    missing: Mapping[str, Ability] = field(default_factory=dict)
    """Why not where none is installed, by kind."""


def _actions() -> tuple[_Action, ...]:
    return (
        _Action(
            "terminal",
            _("Terminal"),
            ("x-terminal-emulator", "gnome-terminal", "kgx", "konsole", "xfce4-terminal", "mate-terminal", "foot",
             "alacritty", "kitty", "xterm"),
            elevated=True,
        ),
        _Action(
            "task-manager",
            _("Task Manager"),
            ("gnome-system-monitor", "plasma-systemmonitor", "ksysguard", "xfce4-taskmanager", "mate-system-monitor",
             "lxtask", "x-terminal-emulator -e top", "foot top", "alacritty -e top", "kitty top", "xterm -e top"),
            elevated=True,
        ),
        _Action(
            "system-settings",
            _("System Settings"),
            ("gnome-control-center", "systemsettings", "xfce4-settings-manager", "mate-control-center", "lxqt-config"),
        ),
        _Action("network-settings", _("Network Settings"), ("nm-connection-editor", "gnome-control-center network")),
        _Action("file-manager", _("File Manager"), ("nautilus", "dolphin", "thunar", "nemo", "caja", "pcmanfm")),
        _Action(
            "lock-screen",
            _("Lock Screen"),
            ("xdg-screensaver lock", "loginctl lock-session"),
            # Those two only ask whoever may listen; on compositors of wlroots' kind that is mostly nobody.
            on={"wlroots": ("swaylock -f", "gtklock -d", "hyprlock", "waylock"), "gnome": _SHELL_LOCK},
            missing={"wlroots": cannot("no-locker")},
        ),
    )  # fmt: skip


def _found(action: _Action, kind: str, desktop: Mapping[str, str]) -> tuple[list[str], Ability]:
    """Return the command that does it on this desktop, or none and why not."""
    ability = action.missing.get(kind) or cannot("no-program")
    for words in (program.split() for program in action.on.get(kind, action.programs)):
        path = shutil.which(words[0])
        if path is None:
            continue
        if "DISPLAY" in desktop or os.path.basename(os.path.realpath(path)) not in _X_ALONE:
            return [path, *words[1:]], Ability(can=True)
        ability = cannot("needs-x11")
    return [], ability


class LinuxMachine:
    """See `Machine`. `desktop` says what programs need in their environment to be opened on the desktop that answers
    now; None when there is none. `kind` says what kind it is, as `Abilities` does."""

    def __init__(self, desktop: Callable[[], dict[str, str] | None], kind: Callable[[], str] = lambda: "x11") -> None:
        self._desktop = desktop
        self._kind = kind

    def offer(self) -> Offer:
        """Say what can be done now."""
        desktop, kind, somebody, power = self._desktop(), self._kind(), signed_in() is not None, self._may_power()
        return Offer(
            platform="linux",
            actions=[self._offered(one, kind, desktop, somebody) for one in _actions()],
            reboot=power,
            shutdown=power,
        )

    def run(self, action: str, context: Context) -> None:
        """Open the program of a special action. Raises MachineError."""
        wanted = next((one for one in _actions() if one.id == action), None)
        desktop = self._desktop()
        if wanted is None or desktop is None:
            raise MachineError(_("This computer has no such action."))
        command, ability = _found(wanted, self._kind(), desktop)
        if not command:
            raise MachineError(ability.reason)
        whom = own() if context == "system" else signed_in()
        if whom is None:
            raise MachineError(_("Nobody is signed in at this computer."))
        open_program(command, whom, desktop | ({"DISPLAY": whom.display} if whom.display else {}))

    def start_script(self, text: str, context: Context, environment: dict[str, str]) -> LinuxScript:
        """Run a script. Raises MachineError."""
        if context == "system" and os.geteuid() != 0:
            raise MachineError(_("The client needs administrator rights on this computer for that."))
        whom = own() if context == "system" else signed_in()
        if whom is None:
            raise MachineError(_("Nobody is signed in at this computer."))
        desktop = (self._desktop() or {}) if context == "user" else {}
        if desktop and whom.display:
            desktop |= {"DISPLAY": whom.display}
        return LinuxScript(text, whom, passed_on(whom) | desktop | environment)

    def inbox(self) -> bytes:
        """The folder for downloads of who is signed in, else of the client's own account."""
        return os.fsencode((signed_in() or own()).downloads)

    def power(self, how: How) -> None:
        """Restart or switch off. Raises MachineError."""
        command = _POWER[how][0 if systemd_runs() else 1]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_POWER_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
            raise MachineError(_("The system did not do it: {reason}.").format(reason=error)) from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            reason = said[-1] if said else str(done.returncode)
            raise MachineError(_("The system refused it: {reason}").format(reason=reason))

    @staticmethod
    def _offered(one: _Action, kind: str, desktop: Mapping[str, str] | None, somebody: bool) -> Action:
        contexts = ["user"] if somebody else []
        if os.geteuid() == 0 and one.elevated:
            contexts.append("system")
        _command, ability = _found(one, kind, desktop or {})
        if desktop is None:
            ability = cannot("no-desktop")
        elif ability.can and not contexts:
            ability = cannot("nobody-signed-in")
        return Action(id=one.id, name=one.name, contexts=contexts, ability=ability)

    @staticmethod
    def _may_power() -> Ability:
        program = "systemctl" if systemd_runs() else "shutdown"
        if shutil.which(program) is None:
            return cannot("no-power-program")
        if os.geteuid() != 0 and not systemd_runs():
            return cannot("needs-rights")
        return Ability(can=True)


def passed_on(whom: Person) -> dict[str, str]:
    """What of the client's own environment its programs find too, when they run as the same account."""
    mine = whom.uid == os.geteuid()
    return {name: os.environ[name] for name in _PASSED_ON if mine and name in os.environ}


def open_program(command: list[str], whom: Person, more: dict[str, str]) -> None:
    """Start a program that goes on by itself, as `whom`. Raises MachineError."""
    mine = whom.uid == os.geteuid()
    try:
        process = subprocess.Popen(
            command,
            env=whom.environment | passed_on(whom) | more,
            cwd=whom.home if os.path.isdir(whom.home) else "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=None if mine else whom.uid,
            group=None if mine else whom.gid,
            extra_groups=None if mine else whom.groups,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MachineError(_("The program could not be started: {reason}.").format(reason=error)) from error
    # Somebody must take its exit status; it may run for hours.
    threading.Thread(target=process.wait, name="opened-program", daemon=True).start()
