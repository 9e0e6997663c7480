"""Golden frames: `tests/wire/*.json` has bytes beside what they mean; this side of the wire reads and writes them so.

`web/console/src/wire/golden.test.ts` reads the same files. A layout without a golden frame fails here.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.agent.screen.conftest import Reference

from farhand.protocol import actions, clipboard, deploy, files, frames, messages, screen, scripts, shell
from farhand.protocol.channels import Kind
from farhand.protocol.input import BLOCK, KEY, LAYOUTS, POINTER, TEXT, WHEEL

FILES = sorted((Path(__file__).resolve().parents[2] / "wire").glob("*.json"))
CASES = [case for path in FILES for case in json.loads(path.read_text())]
NAMES = [case["name"] for case in CASES]
PER_KIND = {
    name: Kind[name.upper()]
    for name in ("screen", "input", "shell", "control", "actions", "files", "clipboard", "scripts", "deploy")
}
MODULES = (messages, actions, clipboard, deploy, files, scripts, shell)
"""Where the messages of JSON payloads are."""


def update(fields: dict[str, Any]) -> bytes:
    rects = fields["rects"]
    out = screen.UPDATE_HEAD.pack(fields["seq"], fields["timeMs"], fields["flags"], 0, len(rects))
    for one in rects:
        data = bytes.fromhex(one["data"])
        places = [one[key] for key in ("x", "y", "w", "h", "encoding", "arg")]
        out += screen.RECT_HEAD.pack(*places, 0, len(data)) + data
    return out


def cursor(fields: dict[str, Any]) -> bytes:
    head = screen.CURSOR_HEAD.pack(*(fields[key] for key in ("hotX", "hotY", "width", "height")))
    return head + bytes.fromhex(fields["pixels"])


WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "screen.update": update,
    "screen.cursor": cursor,
    "screen.pointer": lambda fields: screen.POINTER.pack(fields["x"], fields["y"]),
    "screen.ack": lambda fields: screen.ACK.pack(fields["seq"], fields["tenths"]),
    "input.block": lambda fields: BLOCK.pack(fields["wanted"]),
    "input.key": lambda fields: KEY.pack(fields["down"], fields["keysym"]),
    "input.pointer": lambda fields: POINTER.pack(fields["x"], fields["y"], fields["buttons"]),
    "input.wheel": lambda fields: WHEEL.pack(fields["dx"], fields["dy"]),
    "input.text": lambda fields: TEXT.pack(fields["number"], fields["flags"]) + fields["text"].encode(),
    "shell.data": lambda fields: shell.OFFSET.pack(fields["offset"]) + bytes.fromhex(fields["bytes"]),
    "shell.credit": lambda fields: shell.CREDIT_BYTES.pack(fields["bytes"]),
    "files.data": lambda fields: files.chunk(fields["id"], fields["offset"], bytes.fromhex(fields["bytes"])),
    "files.ack": lambda fields: files.ACK.pack(fields["id"], fields["offset"]),
    "clipboard.given": lambda fields: clipboard.PART.pack(fields["transfer"]) + bytes.fromhex(fields["bytes"]),
    "clipboard.part": lambda fields: clipboard.PART.pack(fields["transfer"]) + bytes.fromhex(fields["bytes"]),
    "none": lambda fields: b"",
}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_head_of_a_frame_is_read_and_written(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["frame"])
    frame = frames.parse(data)
    assert {"type": frame.type, "channel": frame.channel, "leg": frame.leg} == case["head"]
    assert frames.build(frame.type, frame.channel, frame.leg, frame.payload) == data


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_payload_is_what_its_fields_say(case: dict[str, Any]) -> None:
    payload = bytes(frames.parse(bytes.fromhex(case["frame"])).payload)
    write = WRITERS.get(case["layout"])
    if write is not None:
        assert write(case["fields"]) == payload
        return
    layout = next(getattr(one, case["layout"]) for one in MODULES if hasattr(one, case["layout"]))
    message = msgspec.json.decode(payload, type=layout)
    assert msgspec.to_builtins(message) == case["fields"]
    assert msgspec.json.encode(message) == payload


def test_each_layout_and_each_kind_has_a_golden_frame() -> None:
    assert {path.stem for path in FILES} == set(PER_KIND)
    for path in FILES:
        assert {case["head"]["channel"] >> 8 for case in json.loads(path.read_text())} == {PER_KIND[path.stem]}
    assert set(WRITERS) <= {case["layout"] for case in CASES}
    assert set(LAYOUTS) <= {case["head"]["type"] for case in CASES if case["layout"].startswith("input.")}


def test_the_relay_reads_the_heads_that_it_needs() -> None:
    for case in CASES:
        if case["layout"] == "screen.update":
            payload = bytes(frames.parse(bytes.fromhex(case["frame"])).payload)
            assert screen.is_key(payload) is bool(case["fields"]["flags"] & screen.Flag.KEY)
            assert screen.acknowledgement(payload) == screen.ACK.pack(case["fields"]["seq"], 0)


@pytest.mark.parametrize("case", [case for case in CASES if "drawn" in case], ids=lambda case: case["name"])
def test_pixels_are_drawn_as_their_golden_frame_says(case: dict[str, Any]) -> None:
    (rect,) = case["fields"]["rects"]
    assert rect["encoding"] in (screen.Encoding.INDEXED, screen.Encoding.PALETTE, screen.Encoding.PLANES)
    drawn = Reference(rect["x"] + rect["w"], rect["y"] + rect["h"])
    drawn.apply(bytes(frames.parse(bytes.fromhex(case["frame"])).payload))
    rows = drawn.picture[rect["y"] :, rect["x"] :] & 0xFFFFFF
    assert [[f"{pixel:06x}" for pixel in row] for row in rows.tolist()] == case["drawn"]


def test_a_video_is_drawn_in_the_cells_that_its_mask_shows() -> None:
    cases = [case for case in CASES if "video" in case]
    assert [case["video"]["key"] for case in cases] == [True, False]
    (first,) = cases[0]["fields"]["rects"]
    drawn = Reference(first["x"] + first["w"], first["y"] + first["h"])
    for case in cases:
        (rect,), video = case["fields"]["rects"], case["video"]
        assert rect["encoding"] == screen.Encoding.VIDEO
        assert bool(rect["arg"] & screen.VideoFlag.KEY) is video["key"]
        assert rect["data"].endswith(video["bytes"])
        before = drawn.picture.copy()
        drawn.apply(bytes(frames.parse(bytes.fromhex(case["frame"])).payload))
        for row, cells in enumerate(video["cells"]):
            for column, shown in enumerate(cells):
                y, x = rect["y"] + row * screen.MASK_CELL, rect["x"] + column * screen.MASK_CELL
                wanted = int(video["colour"], 16) if shown else int(before[y, x])
                got = int(drawn.picture[y, x])
                assert all(abs((got >> bits & 255) - (wanted >> bits & 255)) < 12 for bits in (0, 8, 16)), (row, column)
