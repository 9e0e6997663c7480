"""Opening a desktop: once for all who ask, taken back when nobody wants it any more."""

import asyncio

import pytest
from tests.unit.agent.fakes import FakeDesktop

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.opening import Opening, Shared


class Person:
    """Sits before a dialog, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.taken_back = 0
        self.answer: asyncio.Future[FakeDesktop | None] = asyncio.get_running_loop().create_future()

    async def open(self) -> FakeDesktop | None:
        self.asked += 1
        try:
            return await self.answer
        except asyncio.CancelledError:
            self.taken_back += 1
            raise


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_tools_share_one_desktop_and_one_dialog() -> None:
    person = Person()
    shared = Shared(person.open)
    first, second = asyncio.ensure_future(shared.get()), asyncio.ensure_future(shared.get())
    await turns()
    first.cancel()
    await turns()
    assert person.taken_back == 0
    desktop = FakeDesktop()
    person.answer.set_result(desktop)
    assert await second is desktop
    assert await shared.get() is desktop
    assert person.asked == 1
    desktop.living = False
    assert await shared.get() is desktop  # the fake person hands out the same one again
    assert (person.asked, desktop.closed) == (2, True)
    shared.close()


@pytest.mark.parametrize("how", ["all go", "the session ends"])
async def test_a_dialog_is_taken_back_when_nobody_waits(how: str) -> None:
    person = Person()
    shared = Shared(person.open)
    waiting = [asyncio.ensure_future(shared.get()) for _ in range(2)]
    await turns()
    if how == "all go":
        for task in waiting:
            task.cancel()
    else:
        shared.close()
    await turns()
    assert person.taken_back == 1
    assert all(task.cancelled() for task in waiting)


async def test_a_thread_waits_and_is_let_go() -> None:
    person = Person()
    opening = Opening(asyncio.get_running_loop(), Shared(person.open).get)
    waiting = asyncio.ensure_future(asyncio.to_thread(opening.wait))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    opening.cancel()
    with pytest.raises(DesktopError, match="no longer wanted"):
        await asyncio.wait_for(waiting, 60)
    await turns()
    assert person.taken_back == 1


async def test_a_thread_hears_what_came_of_it() -> None:
    async def refused() -> FakeDesktop | None:
        raise DesktopError("refused", "Nobody allowed it.")

    async def broken() -> FakeDesktop | None:
        raise KeyError("x")

    async def nothing() -> FakeDesktop | None:
        return None

    loop = asyncio.get_running_loop()
    for wanted, reason in ((refused, "refused"), (broken, "error"), (nothing, "no-display")):
        with pytest.raises(DesktopError) as error:
            await asyncio.to_thread(Opening(loop, wanted).wait)
        assert error.value.reason == reason
    desktop = FakeDesktop()

    async def there() -> FakeDesktop | None:
        return desktop

    opening = Opening(loop, there)
    assert [await asyncio.to_thread(opening.wait) for _ in range(2)] == [desktop, desktop]
