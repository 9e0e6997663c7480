"""Seeded fuzzing of what is read from the net: frames, messages, tokens, journals, and the session machine behind them.

FARHAND_FUZZ sets the number of inputs (20,000 unless told; `make test-long` takes a million), FARHAND_FUZZ_SEED the
seed.
"""

import os
import random
from typing import Any

import msgspec
import pytest
from tests.unit.protocol.test_session import SID, state

from farhand.kit import signing
from farhand.protocol import frames, messages, shell
from farhand.protocol.channels import Kind, channel
from farhand.protocol.commands import (
    Append,
    Forward,
    Send,
)
from farhand.protocol.journal import encode_entry, read_entries
from farhand.protocol.messages import Entry, Post
from farhand.protocol.session import (
    Session,
)

COUNT = int(os.environ.get("FARHAND_FUZZ", "20000"))
SEED = int(os.environ.get("FARHAND_FUZZ_SEED", "1"))
ID = "01900000-0000-7000-9000-000000000001"
JSON = [
    b'{"id":"%s","kind":"chat","text":"hi"}' % ID.encode(),
    b'{"ticket":"abc","last_seq":3,"proof":null,"capabilities":["a"]}',
    b'{"credential":"abc","proof":"%s","version":"1","facts":{"hostname":"h"}}' % (b"ab" * 64),
    b'{"ticket":"abc","have":{"site":4}}',
]
NASTY = [b"\xff", b"\x00", b"\\ud800", b'"', b"{" * 60, b"[" * 2000, b"9" * 400, b"-1", b"1e999", b"null", b"\xc3\x28"]


def mutate(rng: random.Random, data: bytes) -> bytes:
    """Change a valid input a little, or much."""
    out = bytearray(data)
    for _ in range(rng.randint(0, 4)):
        where = rng.randrange(len(out) + 1)
        what = rng.randrange(5)
        if what == 0 and out:
            out[where % len(out)] = rng.randrange(256)
        elif what == 1:
            out[where:where] = rng.choice(NASTY)
        elif what == 2:
            del out[where : where + rng.randint(1, 9)]
        elif what == 3:
            out += rng.randbytes(rng.randint(1, 20))
        else:
            out[where:where] = out[: rng.randint(0, 30)]
    return bytes(out)


def test_frames_and_the_machine_behind_them() -> None:
    rng = random.Random(SEED)
    session = fresh()
    passed = 0
    kinds = [0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 0xF0, 255]
    for number in range(COUNT):
        chan = rng.choice([0, *(channel(kind, rng.choice((0, 0, 1, 255))) for kind in Kind), rng.randrange(65536)])
        good = frames.build(rng.choice(kinds), chan, rng.choice((0, 1, 2, 3, 0xFFFF)), rng.choice(JSON))
        data = good if rng.random() < 0.3 else mutate(rng, good)
        try:
            frame = frames.parse(data)
        except frames.FrameError:
            continue
        passed += 1
        leg = rng.choice((1, 2, 3))
        if not session.legs[leg].joined:
            session = fresh()
        for command in session.frame(leg, frame.type, frame.channel, frame.leg, frame.payload, number):
            if isinstance(command, Append):
                for entry in command.entries:
                    assert entry.kind != "chat" or entry.text
                    assert [one for one, _ in read_entries(encode_entry(entry))] == [entry]
            elif isinstance(command, Forward):
                assert all(receiver.joined for receiver in command.legs)
            elif isinstance(command, Send):
                frames.parse(command.frame)
    assert passed > COUNT // 5


def fresh() -> Session:
    session = Session(state(2, 3), lambda: ID)
    session.add_recorder()
    for leg in (1, 2, 3):
        session.join(leg, 0, 0)
    return session


MESSAGES: list[Any] = [
    messages.Post, messages.Join, messages.Auth, messages.Listen, messages.Facts, shell.ShellOpen, messages.Entry,
    messages.Refuse, messages.Welcome, messages.Event, messages.Offer, messages.ScreenStart,
]  # fmt: skip


def test_messages_are_decoded_or_refused() -> None:
    rng = random.Random(SEED + 1)
    decoders = [msgspec.json.Decoder(kind) for kind in MESSAGES]
    understood = 0
    for _ in range(COUNT):
        data = mutate(rng, rng.choice(JSON))
        try:
            value = rng.choice(decoders).decode(data)
        except messages.NOT_UNDERSTOOD:
            continue
        understood += 1
        msgspec.json.encode(value).decode("utf-8")  # what was accepted can be said again
    assert understood


def test_tokens_never_pass_when_changed() -> None:
    rng = random.Random(SEED + 2)
    key = signing.new_key()
    public = signing.public_of(key)
    token = signing.sign_token(key, "leg", Post(id=ID, kind="chat", text="x"))
    assert signing.open_token(public, "leg", token, Post).text == "x"
    for _ in range(COUNT // 20):
        text = mutate(rng, token.encode()).decode("latin-1")
        if text.rstrip("=") == token:
            continue
        try:
            opened = signing.open_token(public, "leg", text, Post)
        except signing.BadToken:
            continue
        # Base64 has spare bits at its end: the same signed bytes, so the same statement.
        assert opened == signing.open_token(public, "leg", token, Post)


@pytest.mark.parametrize("part", range(4))
def test_journals_read_to_the_first_damage(part: int) -> None:
    rng = random.Random(SEED + 10 + part)
    entries = [
        Entry(seq=n, time_ms=n, id=ID, leg=1, party=1, subject=SID, name="n", kind="chat", text="t" * n)
        for n in range(1, 9)
    ]
    data = b"".join(encode_entry(entry) for entry in entries)
    for _ in range(COUNT // 40):
        broken = mutate(rng, data)
        assert all(until <= len(broken) for _, until in read_entries(broken))
        same = next(
            (i for i, (a, b) in enumerate(zip(broken, data, strict=False)) if a != b), min(len(broken), len(data))
        )
        whole = [entry for entry, until in read_entries(data) if until <= same]
        assert [entry for entry, _ in read_entries(broken)][: len(whole)] == whole
