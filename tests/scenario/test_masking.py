"""A secret that is typed is in no part of the recording: pictures, thumbnails, video. Real relay, client, xterm."""

import io
import json
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, item_named
from tests.harness.console import Console, LiveSession
from tests.harness.xdisplay import Board, screen_pixels

from farhand.cli.display import VirtualDisplay
from farhand.kit.process import leash
from farhand.protocol.channels import Input, Kind, Screen, channel
from farhand.protocol.frames import Frame
from farhand.protocol.input import SECRET, TEXT
from farhand.protocol.screen import ACK, UPDATE_HEAD
from farhand.recording import picture as drawn
from farhand.recording.reader import split_frames

NAME = "vaulted"
WIDTH, HEIGHT = 640, 400
INPUT, SCREEN = channel(Kind.INPUT), channel(Kind.SCREEN)
FIELD = (slice(10, 60), slice(10, 110))
"""Inside of the window that the secret is typed into (rows, columns)."""
BESIDE = (250, 450)
"""A place of another window (row, column)."""
POINTER = (320, 333)


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    """A display with nothing on it."""
    with VirtualDisplay(f"{WIDTH}x{HEIGHT}x24") as running:
        yield running


@pytest.fixture
def window(display: VirtualDisplay, tmp_path: Path) -> Iterator[Path]:
    """A terminal whose text is red on blue, with the keyboard; it keeps what is typed in the file."""
    typed = tmp_path / "typed"
    script = (
        f"printf '\\033[?25l'; printf ready > {tmp_path}/ready; IFS= read -r line; printf %s \"$line\" > {typed}.part; "
    )
    script += f"mv {typed}.part {typed}; sleep 1000"
    command = ["xterm", "-display", display.name, "-u8", "-bg", "#0000ff", "-fg", "#ff0000", "-ms", "#0000ff"]
    process = subprocess.Popen(
        [*command, "-geometry", "20x5+0+0", "-e", "sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        preexec_fn=leash(),
    )
    wait_for((tmp_path / "ready").exists, within=60, what="xterm")
    yield typed
    process.kill()
    process.wait(20)


def watch(live: LiveSession) -> None:
    """A viewer that acknowledges what it gets."""
    inner = live.socket.on_frame

    def on_frame(frame: Frame) -> None:
        if inner is not None:
            inner(frame)
        if frame.channel == SCREEN and frame.type == Screen.UPDATE:
            seq = UPDATE_HEAD.unpack_from(bytes(frame.payload))[0]
            live.socket.send_now(Screen.ACK, SCREEN, ACK.pack(seq, 10), live.leg)

    live.socket.on_frame = on_frame
    live.socket.send(Screen.START, SCREEN, b"{}", live.leg)
    live.entry(lambda e: e["kind"] == "screen-started", within=60)


def is_red(pixels: npt.NDArray[np.uint32]) -> bool:
    """Any shade of red over blue: what letters are drawn with, also as a likeness."""
    red, blue = (pixels >> 16 & 0xFF).astype(int), (pixels & 0xFF).astype(int)
    return bool((red - blue > 60).any())


@pytest.mark.display
@pytest.mark.timeout(400)
def test_a_secret_is_nowhere_in_the_recording(
    appliance: Appliance, console: Console, client: JumpClient, window: Path, display: VirtualDisplay
) -> None:
    board = Board(display.name, 200, 120, 400, 220)
    board.show(np.full((120, 200), 0x00FF00, np.uint32))
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    watch(live)
    live.entry(lambda e: e["kind"] == "recording-started", within=60)
    live.socket.send(Input.REQUEST, INPUT, b"", live.leg)
    live.entry(lambda e: e["kind"] == "control-granted", within=60)
    live.socket.send(Input.POINTER, INPUT, struct.pack("<HHB", 30, 30, 0), live.leg)
    time.sleep(2)  # recorded time: what is there before
    live.socket.send(Input.TEXT, INPUT, TEXT.pack(1, SECRET) + b"hunter2 canary\n", live.leg)
    typed = live.socket.wait(lambda f: f if f.type == Input.TYPED and f.channel == INPUT else None, 60, what="TYPED")
    assert json.loads(typed.payload) == {"number": 1, "text": ""}
    wait_for(window.exists, within=60, what="the typed line")
    assert window.read_text() == "hunter2 canary"
    live.entry(lambda e: e["kind"] == "secret-typed")
    wait_for(
        lambda: bool((screen_pixels(display.name, 1)[..., 0] > 200).any()), within=60, what="the echo on the display"
    )
    live.socket.send(Input.POINTER, INPUT, struct.pack("<HHB", POINTER[1], POINTER[0], 0), live.leg)
    time.sleep(4)  # recorded time: what is not hidden comes back, thumbnails have a second moment
    board.show(np.full((120, 200), 0x00FFFF, np.uint32))
    time.sleep(2)
    live.end()
    board.close()

    pictures = recorded(console, live.id)
    assert any(not is_red(one) and (one[FIELD] & 0xFFFFFF == 0x0000FF).all() for one, _ in pictures), "before"
    assert not any(is_red(one) for one, _ in pictures)
    last, pointer = pictures[-1]
    assert (last[FIELD] & 0xFFFFFF == 0).all()
    assert last[BESIDE] & 0xFFFFFF == 0x00FFFF
    assert pointer == POINTER[::-1]

    base = f"/reports/{live.id}/screen"
    view = index_of(console, live.id)["view"]
    times = f"{base}/thumbnails.json?view={view}"
    wait_for(lambda: console.visitor.get(times).json()["made"], within=120, what="thumbnails")
    count = len(console.visitor.get(times).json()["times_ms"])
    assert count
    for number in range(count):
        image = console.visitor.get(f"{base}/thumbnails/{number}.jpg?view={view}")
        assert not is_red(words_of(simplejpeg.decode_jpeg(image.body, "BGRX")))

    shots = [words_of(frame.to_ndarray(format="bgra")) for frame in video(console, live.id)]
    assert shots
    assert not any(is_red(one[FIELD]) for one in shots)
    assert (shots[-1][FIELD] & 0xE0E0E0 == 0).all()


def words_of(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Pixels as 0xXXRRGGBB."""
    words: npt.NDArray[np.uint32] = np.ascontiguousarray(image).view(np.uint32)[..., 0]
    return words


def index_of(console: Console, session: str) -> dict[str, Any]:
    """What a player reads first."""
    return console.visitor.get(f"/reports/{session}/screen/index.json").json()


def recorded(console: Console, session: str) -> list[tuple[npt.NDArray[np.uint32], tuple[int, int] | None]]:
    """Every picture that a player draws, with the pointer's place."""
    wait_for(lambda: index_of(console, session)["segments"], within=60, what="the recording")
    index = index_of(console, session)
    screen, found = drawn.Picture(), []
    for segment in index["segments"]:
        first, end = 0, segment["last"]
        while first <= end:
            path = f"/reports/{session}/screen/{segment['segment']}/{first}-{end}?view={index['view']}"
            body = io.BytesIO(console.visitor.get(path).body)
            while head := body.read(8):
                place, length = struct.unpack("<II", head)
                assert length != 0xFFFFFFFF
                frames = (one for one in split_frames(body.read(length)) if one.channel == SCREEN)
                found += [
                    (screen.pixels.copy(), screen.pointer) for one in frames if screen.take(one.type, one.payload)
                ]
                first = place + 1
    return found


def video(console: Console, session: str) -> Iterator[av.VideoFrame]:
    """The exported video, picture by picture."""
    page = f"/login/reports/support/{session}"
    console.visitor.submit(page, {"form": "webm", "height": "0"}, to=f"{page}/export")

    def link() -> str:
        text = console.visitor.get(page).text
        at = text.find(f"/reports/{session}/video/")
        return text[at : text.index('"', at)] if at >= 0 else ""

    address = wait_for(link, within=180, what="the video")
    with av.open(io.BytesIO(console.visitor.get(address).body)) as file:
        yield from file.decode(video=0)
