"""Whoever has a text typed hears what became of it, also when something fails that nobody thought of."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, cast

import msgspec
from tests.unit.agent.fakes import FakePort

from farhand.agent.core.masking import Mask
from farhand.agent.core.tools import ToolPort
from farhand.agent.tools.input.texts import Texts
from farhand.agent.tools.input.worker import InputWorker
from farhand.protocol.channels import Input
from farhand.protocol.input import SECRET
from farhand.protocol.messages import InputTyped


class Worker:
    """Performs no stroke."""

    def __init__(self) -> None:
        self.strokes: list[Callable[[Any], None]] = []

    def do(self, stroke: Callable[[Any], None], *, must: bool = False) -> None:
        self.strokes.append(stroke)


def typed(port: FakePort) -> list[InputTyped]:
    return [
        msgspec.json.decode(payload, type=InputTyped)
        for kind, _channel, payload, _leg in port.sent
        if kind == Input.TYPED
    ]


async def test_a_failure_that_nobody_expected_is_answered() -> None:
    port, worker = FakePort(), Worker()

    def fails(_mask: Mask) -> "asyncio.Future[None]":
        raise ValueError("hunter2")

    port.masking.add(fails)
    texts = Texts(cast(ToolPort, port))
    for number in (7, 8):
        payload = struct.pack("<HB", number, SECRET) + b"hunter2"
        texts.take(2, memoryview(payload), cast(InputWorker, worker))
        await port.until(lambda number=number: [one.number for one in typed(port)][-1:] == [number])
        await asyncio.sleep(0)
    assert all(one.text.startswith("Typing failed") for one in typed(port))
    assert not worker.strokes, "what cannot be hidden is not typed"
    assert port.lines == [("typing_failed", {"error": "ValueError"})] * 2, "the text is in no log"
