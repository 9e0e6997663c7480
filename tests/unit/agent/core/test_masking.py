"""What must not be recorded: everything while a secret is typed, then the windows that it went to, for good."""

import asyncio

import pytest

from farhand.agent.core.masking import MOST, Mask, Masking


class Screen:
    """Hides when it is let."""

    def __init__(self) -> None:
        self.told: list[Mask] = []
        self.waiting: list[asyncio.Future[None]] = []

    def hide(self, mask: Mask) -> "asyncio.Future[None]":
        self.told.append(mask)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


async def test_nothing_is_typed_before_every_screen_is_hidden() -> None:
    masking, screens = Masking(), [Screen(), Screen()]
    for one in screens:
        masking.add(one.hide)
    typed = asyncio.Event()

    async def type_it() -> None:
        async with masking.secret() as typing:
            typed.set()
            typing.touched((7, 3))

    task = asyncio.create_task(type_it())
    await asyncio.sleep(0)
    screens[0].waiting[0].set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not typed.is_set()
    assert masking.mask.everything
    screens[1].waiting[0].set_result(None)
    await task
    assert typed.is_set()
    assert screens[0].told == screens[1].told == [Mask(True), Mask(False, frozenset({(7, 3)}))]
    masking.remove(screens[0].hide)
    assert masking.mask


async def test_what_went_wrong_stays_hidden_too() -> None:
    masking = Masking()

    async def fail() -> None:
        async with masking.secret() as typing:
            typing.touched((7,))
            typing.touched(())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert masking.mask == Mask(False, frozenset({(7,)}))


async def test_two_at_once_and_what_cannot_be_told_hide_everything() -> None:
    masking = Masking()
    async with masking.secret():
        async with masking.secret():
            pass
        assert masking.mask.everything
    assert not masking.mask
    async with masking.secret() as typing:
        typing.touched(None)
    assert masking.mask.everything

    many = Masking()
    async with many.secret() as typing:
        for number in range(MOST + 1):
            typing.touched((number + 1,))
    assert many.mask.everything
