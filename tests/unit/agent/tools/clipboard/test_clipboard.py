"""Clipboard sharing on a real display: consent, both ways, what is put on record, and what is refused."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec
import pytest
from tests.harness.copying import copy, paste
from tests.unit.agent.fakes import FakeDesktop, FakePort
from tests.unit.agent.screen.conftest import end, xvfb  # noqa: F401

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.tools import NotRecordedError, Question
from farhand.agent.platforms.linux.x11.clipboard import X11Clipboard
from farhand.agent.tools.clipboard import make
from farhand.protocol.channels import Clip, Grant, Kind, channel
from farhand.protocol.clipboard import CHUNK, MOST, PNG_HEAD, pack_files

CHANNEL = channel(Kind.CLIPBOARD)
BOTH = Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE


@dataclass
class Port(FakePort):
    """One session with a clipboard; `taken(leg)` puts the parts together that went to a leg."""

    recorded: bool = True
    grants: Grant = BOTH
    tool: object = field(init=False)

    def __post_init__(self) -> None:
        self.tool = make(self)

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        if not self.recorded:
            raise NotRecordedError("too-many", "Not kept.")
        return await super().posted(kind, text, **data)

    def frame(self, frame_type: int, payload: object = b"", leg: int = 2) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.tool.on_frame(leg, frame_type, CHANNEL, memoryview(data))  # type: ignore[attr-defined]

    def give(self, transfer: int, data: bytes, form: str = "text", announced: int | None = None, leg: int = 2) -> None:
        size = len(data) if announced is None else announced
        self.frame(Clip.GIVE, {"transfer": transfer, "format": form, "bytes": size}, leg)
        for at in range(0, len(data), CHUNK):
            self.frame(Clip.GIVEN_PART, struct.pack("<I", transfer) + data[at : at + CHUNK], leg)

    def take(self, transfer: int, form: str = "text", leg: int = 2) -> None:
        self.frame(Clip.TAKE, {"transfer": transfer, "format": form}, leg)

    def heard(self, frame_type: int, leg: int = 2) -> list[dict[str, object]]:
        found = [p for t, c, p, to in self.sent if (t, c, to) == (frame_type, CHANNEL, leg)]
        return [msgspec.json.decode(p) if p else {} for p in found]

    def done(self, transfer: int) -> str | None:
        return next((str(one["text"]) for one in self.heard(Clip.DONE) if one["transfer"] == transfer), None)

    def taken(self, leg: int = 2) -> bytes:
        return b"".join(p[4:] for t, _, p, to in self.sent if (t, to) == (Clip.PART, leg))

    async def answered(self, transfer: int) -> str:
        await self.until(lambda: self.done(transfer) is not None)
        return self.done(transfer) or ""

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.posts]


@pytest.fixture
async def port(xvfb: Callable[[], str]) -> AsyncIterator[Port]:  # noqa: F811
    display = xvfb()
    made = Port(home=FakeDesktop(clipboard=lambda: X11Clipboard(display)))
    made.display = display  # type: ignore[attr-defined]
    yield made
    made.tool.close()  # type: ignore[attr-defined]


@pytest.mark.display
async def test_what_is_given_can_be_pasted_there_and_is_on_record(port: Port) -> None:
    port.frame(Clip.START)
    assert port.heard(Clip.STARTED) == [{}]
    for number, text in enumerate(("Grüße ñ € 日本語", "x" * 200_000), 1):
        port.give(number, text.encode())
        assert await port.answered(number) == ""
        assert await asyncio.to_thread(paste, port.display) == text  # type: ignore[attr-defined]
        given = {"by": "rep2", "leg": 2, "format": "text", "bytes": len(text.encode())}
        assert port.posts[-1] == ("clipboard-given", given)
    assert port.kinds() == ["clipboard-started", "clipboard-given", "clipboard-given"]
    assert not port.heard(Clip.OFFER), "what a viewer gave is no news"


@pytest.mark.display
async def test_what_is_copied_there_is_offered_and_goes_when_it_is_taken(port: Port) -> None:
    port.frame(Clip.START)
    port.frame(Clip.START, leg=3)
    text = "Zeile ü\n" * 30_000
    holder = await asyncio.to_thread(copy, port.display, text)  # type: ignore[attr-defined]
    try:
        await port.until(lambda: port.heard(Clip.OFFER) == port.heard(Clip.OFFER, 3) == [{"formats": ["text"]}])
        assert port.kinds() == ["clipboard-started"] * 2
        port.take(9)
        await port.until(lambda: len(port.taken()) == len(text.encode()))
        assert port.taken().decode() == text
        assert port.heard(Clip.CONTENT) == [{"transfer": 9, "format": "text", "bytes": len(text.encode())}]
        assert not port.taken(3)
        taken = {"by": "rep2", "leg": 2, "format": "text", "bytes": len(text.encode())}
        assert port.posts[-1] == ("clipboard-taken", taken)
        port.take(10, "png")
        assert "does not hold" in await port.answered(10)
        port.tool.resumed()  # type: ignore[attr-defined]
        assert len(port.heard(Clip.STARTED, 3)) == len(port.heard(Clip.OFFER, 3)) == 2
    finally:
        await asyncio.to_thread(end, holder)


@pytest.mark.display
async def test_files_go_by_their_paths_and_need_the_grants_for_files(port: Port) -> None:
    port.frame(Clip.START)
    uris = "file:///home/a/one\r\nfile:///home/a/two\r\n"
    holder = await asyncio.to_thread(copy, port.display, uris, "text/uri-list", "UTF8_STRING")  # type: ignore[attr-defined]
    content = pack_files([b"/home/a/one", b"/home/a/two"])
    try:
        await port.until(lambda: port.heard(Clip.OFFER))
        assert port.heard(Clip.OFFER)[-1] == {"formats": ["text"]}
        port.take(1, "files")
        assert "may not transfer" in await port.answered(1)
        port.give(2, content, "files")
        assert "may not transfer" in await port.answered(2)
        assert port.kinds() == ["clipboard-started"]
        port.grants = BOTH | Grant.FILES_READ | Grant.FILES_WRITE
        port.tool.resumed()  # type: ignore[attr-defined]
        assert port.heard(Clip.OFFER)[-1] == {"formats": ["files", "text"]}
        port.take(3, "files")
        await port.until(lambda: len(port.taken()) >= len(content))
        assert port.taken() == content
        taken = {"by": "rep2", "leg": 2, "format": "files", "bytes": len(content), "count": 2}
        assert port.posts[-1] == ("clipboard-taken", taken)
    finally:
        await asyncio.to_thread(end, holder)
    port.give(4, content, "files")
    assert await port.answered(4) == ""
    assert port.posts[-1][1]["count"] == 2
    assert await asyncio.to_thread(paste, port.display, "text/uri-list") == uris  # type: ignore[attr-defined]


@pytest.mark.display
async def test_what_cannot_be_recorded_does_not_go(port: Port) -> None:
    port.frame(Clip.START)
    port.recorded = False
    port.give(1, b"secret")
    assert await port.answered(1) == "Not kept."
    assert await asyncio.to_thread(paste, port.display) == ""  # type: ignore[attr-defined]


@pytest.mark.display
@pytest.mark.parametrize("left", [Grant.CLIPBOARD_READ, Grant.NONE])
async def test_what_may_not_be_given_any_more_does_not_go(port: Port, left: Grant) -> None:
    port.frame(Clip.START)
    posted = port.posted

    async def lost(kind: str, text: str = "", **data: str | int | bool) -> int:
        port.grants = left
        return await posted(kind, text, **data)

    port.posted = lost  # type: ignore[method-assign]
    port.give(1, b"secret")
    assert await port.answered(1) == "You may not do that any more."
    port.give(2, b"secret")
    assert await port.answered(2) == "You may not do that any more."
    assert port.kinds() == ["clipboard-started", "clipboard-given"], "what is refused before that is not put on record"
    assert await asyncio.to_thread(paste, port.display) == ""  # type: ignore[attr-defined]


@pytest.mark.display
@pytest.mark.parametrize(
    ("data", "form", "announced", "said"),
    [
        (b"x", "text", MOST + 1, "4 MiB"),
        (b"x", "text", 0, "4 MiB"),
        (b"x", "html", 1, "not know"),
        (b"\xff\xfe", "text", 2, "announced"),
        (b"no picture", "png", 10, "announced"),
        (b'{"paths":[]}', "files", 12, "announced"),
        (pack_files([b"not/absolute"]), "files", len(pack_files([b"not/absolute"])), "announced"),
        (b"longer", "text", 2, "announced"),
    ],
)
async def test_what_is_not_right_is_refused(port: Port, data: bytes, form: str, announced: int, said: str) -> None:
    port.frame(Clip.START)
    port.give(1, data, form, announced)
    assert said in await port.answered(1)
    assert port.kinds() == ["clipboard-started"]


@pytest.mark.display
async def test_a_new_transfer_takes_the_place_of_one_that_is_not_whole(port: Port) -> None:
    port.frame(Clip.START)
    port.frame(Clip.GIVE, {"transfer": 1, "format": "text", "bytes": 4})
    port.frame(Clip.GIVEN_PART, struct.pack("<I", 1) + b"ab")
    port.give(2, PNG_HEAD + b"...", "png")
    port.frame(Clip.GIVEN_PART, struct.pack("<I", 1) + b"cd")
    assert await port.answered(2) == ""
    assert port.done(1) is None
    for bad in (b"abc", struct.pack("<I", 2) + bytes(CHUNK + 1)):
        with pytest.raises(ValueError, match="a part has"):
            port.frame(Clip.GIVEN_PART, bad)


@pytest.mark.display
async def test_the_customer_is_asked_once_and_sees_the_end(port: Port) -> None:
    port.attended = True
    port.frame(Clip.START)
    port.frame(Clip.START)
    await port.until(lambda: port.heard(Clip.STARTED))
    assert port.questions == [Question("clipboard", "rep2")]
    port.frame(Clip.STOP)
    assert port.heard(Clip.STOPPED)[-1]["reason"] == "stopped"
    port.give(1, b"late")
    port.frame(Clip.START)
    assert port.kinds() == ["clipboard-requested", "clipboard-started", "clipboard-stopped", "clipboard-started"]
    port.tool.viewer_left(2)  # type: ignore[attr-defined]
    assert port.kinds()[-1] == "clipboard-stopped"
    assert port.done(1) is None


@pytest.mark.display
async def test_a_switch_that_takes_it_away_is_on_record(port: Port) -> None:
    port.frame(Clip.START)
    port.frame(Clip.START, leg=3)
    await port.until(lambda: port.heard(Clip.STARTED, 3))
    port.tool.close()  # type: ignore[attr-defined]
    assert port.posts[-2:] == [
        ("clipboard-stopped", {"by": "rep2", "leg": 2}),
        ("clipboard-stopped", {"by": "rep3", "leg": 3}),
    ]
    port.tool.close()  # type: ignore[attr-defined]
    assert port.kinds().count("clipboard-stopped") == 2


async def test_a_refusal_and_a_machine_without_a_clipboard_are_told() -> None:
    port = Port(attended=True, allow=False, home=FakeDesktop())
    port.frame(Clip.START)
    await port.until(lambda: port.heard(Clip.STOPPED))
    assert port.heard(Clip.STOPPED)[0]["reason"] == "refused"
    assert port.kinds() == ["clipboard-requested", "clipboard-refused"]
    port.home = None
    port.frame(Clip.START, leg=3)
    assert port.heard(Clip.STOPPED, 3)[0]["reason"] == "no-display"


async def test_a_display_that_goes_ends_it_for_all() -> None:
    def gone() -> X11Clipboard:
        raise DesktopError("no-display", "The display's server has stopped.")

    port = Port(home=FakeDesktop(clipboard=gone))
    port.frame(Clip.START)
    port.take(1)
    await port.until(lambda: port.heard(Clip.STOPPED))
    assert port.heard(Clip.STOPPED)[0] == {"reason": "no-display", "text": "The display's server has stopped."}
    assert "not shared" in await port.answered(1)
    assert port.kinds() == ["clipboard-started", "clipboard-stopped"]
