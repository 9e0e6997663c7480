"""A chunk is one zstd frame that any zstd reads, and what cannot be compressed is not tried in full."""

import os
import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from farhand.recording.packing import SMALL, Packer, stored


def framed(plain: bytes) -> list[bytes]:
    """As a writer has it: heads and payloads by turns."""
    return [part for at in range(0, len(plain), 30_000) for part in (plain[at : at + 11], plain[at + 11 : at + 30_000])]


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 700_000), plain=st.binary(max_size=64))
def test_stored_is_a_frame_of_its_own_size(size: int, plain: bytes) -> None:
    whole = (plain or b"x") * (size // (len(plain) or 1))
    frame = stored([whole[:100_001], whole[100_001:]], len(whole))
    assert zstandard.frame_content_size(frame) == len(whole)
    assert zstandard.ZstdDecompressor().decompress(frame) == whole
    assert len(frame) <= len(whole) + 9 + 3 * (1 + len(whole) // 131_072)


@pytest.mark.parametrize("size", [1, SMALL - 1, SMALL, 131_071, 131_072, 131_073, 262_144, 1 << 20])
def test_what_is_compressed_already_is_stored_and_text_is_not(size: int) -> None:
    packer = Packer()
    for plain in (os.urandom(size), b"drwxr-xr-x 2 root root 4096 some-file.txt\r\n" * (size // 40 + 1)):
        frame = packer.pack(framed(plain), len(plain))
        assert zstandard.frame_content_size(frame) == len(plain)
        assert zstandard.ZstdDecompressor().decompress(frame, max_output_size=len(plain)) == plain
    assert len(packer.pack(framed(os.urandom(size)), size)) <= size + 9 + 3 * 9
    assert len(packer.pack(framed(bytes(size)), size)) < 64 + size // 20


def test_text_among_pictures_is_found_by_its_share() -> None:
    rng = random.Random(1)
    text = b"".join(b"line %d of what a program prints\r\n" % rng.randrange(10**6) for _ in range(4000))
    half = os.urandom(len(text)) + text
    assert len(Packer().pack(framed(half), len(half))) < 0.85 * len(half)
