"""A portal on a real D-Bus is asked once, remembers by a token, and every no is a sentence of its own."""

import asyncio
import contextlib
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.harness.appliance import wait_for
from tests.harness.portal import FakePortal, Person

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.portal import dialogue
from farhand.agent.platforms.linux.portal.desktop import PortalDesktop
from farhand.agent.platforms.linux.portal.find import portal_abilities
from farhand.agent.platforms.linux.portal.open import open_session
from farhand.agent.platforms.linux.portal.session import PortalSession
from farhand.agent.platforms.linux.portal.token import FILE, TokenStore
from farhand.agent.platforms.linux.wayland.find import Compositor

_OTHER = Compositor("/x", frozenset())


async def until(condition: Callable[[], bool], what: str = "the portal's end of it") -> None:
    await asyncio.to_thread(wait_for, lambda: condition() or None, 60, what)


async def ended(session: PortalSession, portal: FakePortal) -> None:
    session.close()
    await until(lambda: not portal.sessions)


#
async def test_who_agreed_once_is_not_asked_again(portal: FakePortal, tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    for _ in range(3):
        session = await open_session(store)
        assert session.agreed.controls
        assert len(portal.sessions) == 1
        assert portal.tokens == {store.get()}, "a token is good for one time: the newest is kept"
        await ended(session, portal)
    assert portal.dialogs == ["control"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    portal.revoke()
    await ended(await open_session(TokenStore(tmp_path)), portal)
    assert len(portal.dialogs) == 2
    assert portal.tokens == {store.get()}


async def test_a_token_that_is_not_taken_is_forgotten_and_the_person_asked(portal: FakePortal, tmp_path: Path) -> None:
    for damaged in (b'{"token":"no uuid"}', b"{", b'{"token":3}', b"x" * 10_000):
        (tmp_path / FILE).write_bytes(damaged)
        before = len(portal.dialogs)
        session = await open_session(TokenStore(tmp_path))
        assert len(portal.dialogs) == before + 1
        await until(lambda: len(portal.sessions) == 1, "the end of the session that the token was for")
        await ended(session, portal)
        assert TokenStore(tmp_path).get() in portal.tokens


async def test_a_customers_client_keeps_it_no_longer_than_it_runs(portal: FakePortal, tmp_path: Path) -> None:
    store = TokenStore(None)
    for _ in range(2):
        await ended(await open_session(store), portal)
    assert len(portal.dialogs) == 1
    await ended(await open_session(TokenStore(None)), portal)
    assert len(portal.dialogs) == 2
    # A folder that cannot be written costs a question, no more.
    await ended(await open_session(TokenStore(tmp_path / "nowhere")), portal)


@pytest.mark.parametrize(
    ("person", "reason", "text"),
    [("says no", "refused", "said no"), ("breaks it", "error", "gave up"), ("is away", "refused", "Nobody there")],
)
async def test_a_no_is_a_sentence(
    portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: Person, reason: str, text: str
) -> None:
    portal.person = person
    with monkeypatch.context() as patched:
        patched.setattr(dialogue, "DIALOG_S", 0.3)
        with pytest.raises(DesktopError, match=text) as caught:
            await open_session(TokenStore(tmp_path))
    assert caught.value.reason == reason
    await until(lambda: not portal.sessions and not portal.open_dialogs)
    assert not (tmp_path / FILE).exists()
    portal.person = "agrees"
    await ended(await open_session(TokenStore(tmp_path)), portal)


async def test_who_waits_no_longer_takes_the_dialog_back(portal: FakePortal, tmp_path: Path) -> None:
    portal.person = "is away"
    asking = asyncio.create_task(open_session(TokenStore(tmp_path)))
    await until(lambda: portal.open_dialogs == 1)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    await until(lambda: not portal.open_dialogs and not portal.sessions)


async def test_an_older_portal_asks_each_time(portals: Callable[[int], FakePortal], tmp_path: Path) -> None:
    portal = portals(1)
    for _ in range(2):
        await ended(await open_session(TokenStore(tmp_path)), portal)
    assert portal.dialogs == ["control"] * 2
    assert portal_abilities(_OTHER).see.code == "portal-always-unverified"


#
async def test_a_portal_without_control_shows_the_screen(portals: Callable[[int], FakePortal], tmp_path: Path) -> None:
    portal = portals(0)
    session = await open_session(TokenStore(tmp_path))
    assert portal.dialogs == ["see"]
    abilities = portal_abilities(_OTHER)
    assert (abilities.see.can, abilities.control.can, abilities.control.code) == (True, False, "portal-no-control")
    [monitor] = PortalDesktop(_OTHER, session).monitors()
    assert (monitor.width, monitor.height, monitor.primary) == (800, 600, True)
    await ended(session, portal)


async def test_who_only_shows_is_said_to_have_kept_the_mouse(portal: FakePortal, tmp_path: Path) -> None:
    portal.person = "only shows"
    session = await open_session(TokenStore(tmp_path))
    desktop = PortalDesktop(_OTHER, session)
    with pytest.raises(DesktopError, match="not hand out mouse and keyboard") as caught:
        desktop.open_input()
    assert caught.value.reason == "refused"
    await ended(session, portal)


async def test_without_a_portal_it_is_said_so(bus: str, tmp_path: Path) -> None:
    with pytest.raises(DesktopError, match="xdg-desktop-portal") as caught:
        await open_session(TokenStore(tmp_path))
    assert caught.value.reason == "unsupported"


async def test_it_stays_while_it_is_used_and_a_moment_longer(
    portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await open_session(TokenStore(tmp_path))
    sink = PortalDesktop(_OTHER, session).open_input()
    monkeypatch.setattr("farhand.agent.platforms.linux.portal.session.LINGER_S", 0.2)
    sink.key(ord("a"), True)
    sink.pointer(10, 20, 1)
    sink.wheel(0, -2)
    await asyncio.sleep(0.4)
    assert session.alive()
    sink.close()
    await until(lambda: not portal.sessions)
    assert not session.alive()
    assert portal.strokes[3:] == [
        ("NotifyKeyboardKeysym", ord("a"), 1),
        ("NotifyPointerMotionAbsolute", 7, 10.5, 20.5),
        ("NotifyPointerButton", 0x110, 1),
        ("NotifyPointerAxisDiscrete", 0, -2),
        ("NotifyKeyboardKeysym", ord("a"), 0),
        ("NotifyPointerButton", 0x110, 0),
    ]
    with pytest.raises(DesktopError, match="ended the sharing"):
        session.hold()


async def test_positions_are_told_in_logical_units_but_to_gnome(portal: FakePortal, tmp_path: Path) -> None:
    session = await open_session(TokenStore(tmp_path))
    session.measured({7: (1600, 1200)})
    [monitor] = PortalDesktop(_OTHER, session).monitors()
    assert (monitor.width, monitor.height, monitor.scale) == (1600, 1200, 2.0)
    for compositor in (_OTHER, Compositor("/x", frozenset({"gtk_shell1"}))):
        sink = PortalDesktop(compositor, session).open_input()
        sink.pointer(10, 20, 0)
        sink.close()
    await ended(session, portal)
    told = [stroke for stroke in portal.strokes if stroke[0] == "NotifyPointerMotionAbsolute"]
    assert [stroke[2:] for stroke in told] == [(5.25, 10.25), (10.5, 20.5)]


async def test_whoever_sits_there_ends_it(portal: FakePortal, tmp_path: Path) -> None:
    session = await open_session(TokenStore(tmp_path))
    sink = PortalDesktop(_OTHER, session).open_input()
    portal.end_sessions()

    def refused() -> bool:
        try:
            sink.rest()
        except DesktopError as error:
            return "ended the sharing" in str(error)
        return False

    await until(refused)
    assert not session.alive()
    sink.close()
    session.close()
