"""What a portal can do is known before it is asked, by what is installed, and by its own word afterwards."""

from pathlib import Path

import pytest

from farhand.agent.platforms.linux.portal import find
from farhand.agent.platforms.linux.portal.find import Said, portal_abilities, remember
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.protocol.messages import Abilities

_OTHER = Compositor("/x", frozenset())
_GNOME = Compositor("/x", frozenset({"gtk_shell1"}))
_KWIN = Compositor("/x", frozenset({"zwlr_data_control_manager_v1", "wl_seat"}))


@pytest.fixture(autouse=True)
def portals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the portals that are installed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'nothing'}:{tmp_path / 'share'}")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    folder = tmp_path / "share/xdg-desktop-portal/portals"
    folder.mkdir(parents=True)
    return folder


def install(folder: Path, name: str, *interfaces: str) -> None:
    told = "".join(f"org.freedesktop.impl.portal.{one};" for one in interfaces)
    (folder / f"{name}.portal").write_text(f"[portal]\nDBusName=x\nInterfaces={told}\nUseIn=KDE\n")


def codes(abilities: Abilities) -> tuple[str, bool, str, bool, str]:
    see, control = abilities.see, abilities.control
    return abilities.kind, see.can, see.code, control.can, control.code


#
def test_what_is_installed_tells_what_can_be_done(portals: Path) -> None:
    assert codes(portal_abilities(_OTHER)) == ("wayland", False, "no-portal", False, "no-portal")
    (portals / "strange.portal").write_bytes(b"\xff\xfe")
    install(portals, "gtk", "FileChooser", "RemoteDesktop")
    assert portal_abilities(_OTHER).see.code == "no-portal"
    install(portals, "cosmic", "ScreenCast", "Screenshot")
    (portals / "gtk.portal").unlink()
    found = portal_abilities(_OTHER)
    assert codes(found) == ("portal", True, "portal-always-unverified", False, "portal-no-control")
    install(portals, "kde", "ScreenCast", "RemoteDesktop")
    found = portal_abilities(_KWIN)
    assert codes(found) == ("portal", True, "portal-once-unverified", True, "portal-once-unverified")
    assert "Not verified" in found.see.reason
    assert found.clipboard.can
    found = portal_abilities(_GNOME)
    assert codes(found) == ("portal", True, "portal-once", True, "portal-once")
    assert not found.clipboard.can
    assert all(one.reason for one in (found.login_screen, found.block_input, found.privacy_screen, found.clipboard))


def test_its_own_word_counts_more(portals: Path) -> None:
    install(portals, "kde", "ScreenCast", "RemoteDesktop")
    remember(Said(control=True, lasts=False))
    assert codes(portal_abilities(_GNOME)) == ("portal", True, "portal-always", True, "portal-always")
    remember(Said(control=False, lasts=False))
    assert portal_abilities(_OTHER).control.code == "portal-no-control"
    remember(None)
    assert portal_abilities(_GNOME).control.code == "portal-once", "it may come yet"


def test_what_is_missing_is_said(portals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(portals, "kde", "ScreenCast", "RemoteDesktop")
    monkeypatch.setattr(find, "has_pipewire", lambda: False)
    assert portal_abilities(_OTHER).see.code == "no-pipewire"
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert portal_abilities(_OTHER).control.code == "no-session-bus"
