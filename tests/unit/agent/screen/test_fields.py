"""A real program's password field on a real display, told over a real accessibility bus: what the recorder sees."""

import subprocess

import pytest
from tests.unit.agent.screen.conftest import end
from tests.unit.agent.screen.test_display import Port, until

from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.dbus.fields import PasswordFields
from farhand.agent.tools.screen import make as make_screen
from farhand.kit.process import leash
from farhand.protocol.channels import Screen
from farhand.protocol.frames import RECORDER_LEG

pytestmark = pytest.mark.display
LEG, GREEN = 2, 0x00FF00


@pytest.fixture
def session(xvfb, tmp_path, monkeypatch):
    """A display with a session's D-Bus beside it: (display, start a program there)."""
    display = xvfb("640x480")
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    environment = {
        "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(run),
        "DISPLAY": display, "GSETTINGS_BACKEND": "memory",
    }  # fmt: skip
    started = []

    def start(*command, out=None):
        started.append(
            subprocess.Popen(
                command, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True, preexec_fn=leash()
            )
        )
        return started[-1]

    bus = start("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address", out=subprocess.PIPE)
    environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    start("openbox")  # whoever has no window manager has no active window
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.setenv(name, environment[name])
    yield display, start
    for process in reversed(started):
        end(process)


def of_colour(picture, colour):
    return (picture & 0xFFFFFF) == colour


class Eyes:
    """What live viewer and recorder have of the screen now."""

    def __init__(self, port):
        self._port = port

    def live(self, colour):
        return of_colour(self._port.references[LEG].picture, colour)

    def recorded(self, colour):
        return of_colour(self._port.references[RECORDER_LEG].picture, colour)


async def begun(display):
    port = Port(display)
    port.tool = make_screen(port)
    port.start(leg=LEG)
    await until(lambda: port.of(Screen.UPDATE), 60)
    port.start(leg=RECORDER_LEG, colours="settled")
    await until(lambda: RECORDER_LEG in port.references, 60)
    return port


async def test_a_window_with_a_password_field_is_in_no_recording(session):
    display, start = session
    start("xsetroot", "-solid", "#00ff00").wait(60)
    port = await begun(display)
    see = Eyes(port)
    try:
        assert port.abilities().hide_passwords.can
        await until(lambda: see.recorded(GREEN).all(), 60)
        dialog = start("zenity", "--password")
        await until(lambda: port.masking.mask.windows, 60)
        await until(lambda: not see.live(GREEN).all(), 60)

        def hidden():
            """Outside of the dialog the recorder sees; inside it is black, and nothing else."""
            black = see.recorded(0)
            return black.any() and see.recorded(GREEN).any() and (black | see.recorded(GREEN)).all()

        await until(hidden, 60)
        inside = see.recorded(0)
        assert inside[~see.live(GREEN)].all()
        assert not see.live(0)[inside].all()
        end(dialog)
        await until(lambda: not port.masking.mask, 60)
        await until(lambda: see.recorded(GREEN).all(), 60)
    finally:
        port.tool.close()


async def test_what_is_there_already_is_known_before_the_recorder_sees_anything(session):
    display, start = session
    start("zenity", "--password")
    seen: list[Mask] = []
    first = PasswordFields(lambda found: Mask(everything=bool(found)), seen.append)
    await until(lambda: Mask(everything=True) in seen, 60)  # the program has come up
    first.close()
    port = await begun(display)
    try:
        assert port.masking.mask.windows
        see = Eyes(port)
        await until(lambda: see.recorded(0).any(), 60)
    finally:
        port.tool.close()
    await until(lambda: not port.masking.mask, 60)
