"""A recording is playable and proven up to where it was cut, and every change to it is found and named."""

import mmap
import random
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.recording.made import STARTED, Site, small

from farhand.kit.ids import new_id
from farhand.recording import format as form
from farhand.recording.index import Index
from farhand.recording.reader import Damaged, SegmentReader
from farhand.recording.verifier import Verifier, verify
from farhand.recording.writer import MAX_WAITING, WriterError

SITE = Site()
KEY = b"d" * 32
DATA, SESSION, SIZES = small(SITE)


def test_whole_recording_is_intact_closed_and_plays() -> None:
    found = verify(DATA, [SITE.public], (SESSION, 1))
    assert found.intact
    assert found.closed
    assert (found.reason, found.verified_ms, found.end_ms) == ("ended", 8000, 8000)
    frames = list(SegmentReader(DATA, KEY).frames())
    assert [bytes(f.payload) for f in frames] == [b"%d.%d" % (s, p) for s in range(8) for p in (0, 400)]
    assert [f.time_ms for f in frames] == [s * 1000 + p for s in range(8) for p in (0, 400)]


def test_cut_at_every_byte_leaves_a_proven_playable_prefix() -> None:
    for size in range(len(DATA)):
        found = verify(DATA[:size], [SITE.public])
        whole_cuts = sum(1 for s in SIZES[:-1] if s <= size)
        assert not found.closed
        if whole_cuts == 0:
            continue
        assert found.damage == []
        # Every cut ends signed: what is proven is exactly what was written whole.
        assert found.verified_ms == (whole_cuts - 2) * 1000 + 400 if whole_cuts > 1 else found.verified_ms == 0
        frames = list(SegmentReader(DATA[:size], KEY).frames())
        assert len(frames) >= (whole_cuts - 1) * 2
        assert found.unsigned_ms <= 5000


@pytest.mark.parametrize("seed", range(4))
def test_any_flipped_byte_is_found_and_named_within_its_second(seed: int) -> None:
    rng = random.Random(seed)
    for place in range(seed, len(DATA), 4):
        changed = bytearray(DATA)
        changed[place] ^= rng.randrange(1, 256)
        found = verify(bytes(changed), [SITE.public], (SESSION, 1))
        assert not (found.intact and found.closed), place
        if found.damage and place >= SIZES[0]:
            second = sum(1 for s in SIZES[1:] if s <= place)
            assert found.first_damaged_second is not None
            assert second - 1 <= found.first_damaged_second <= second, place
            # What is called proven lies before the damage.
            assert found.verified_ms <= second * 1000
        elif place >= SIZES[0]:
            # Only the very last record can look like one that was not finished.
            assert place >= SIZES[-2]


def test_damage_stays_local_and_the_rest_is_still_proven_and_playable() -> None:
    changed = bytearray(DATA)
    changed[SIZES[3] + 80] ^= 1  # inside the sealed part of second 3
    found = verify(bytes(changed), [SITE.public])
    assert found.closed
    assert found.verified_ms == 2400
    assert found.first_damaged_second == 3
    assert [d.what for d in found.damage if d.what != "signature"] == ["altered"]
    reader = SegmentReader(bytes(changed), KEY)
    with pytest.raises(Damaged, match="second 3"):
        list(reader.frames())
    gaps: list[tuple[int, int]] = []
    assert len(list(reader.frames(damaged=gaps))) == 14
    assert gaps == [(3000, 3400)]


def test_removed_chunks_are_named() -> None:
    found = verify(DATA[: SIZES[2]] + DATA[SIZES[4] :], [SITE.public])
    assert [(d.what, d.from_ms, d.to_ms) for d in found.damage] == [("missing", 1400, 4000)]


def test_a_recording_under_another_name_or_from_another_site_is_refused() -> None:
    assert [d.what for d in verify(DATA, [SITE.public], (new_id(), 1)).damage] == ["certificate"]
    assert [d.what for d in verify(DATA, [SITE.public], (SESSION, 2)).damage] == ["certificate"]
    assert [d.what for d in verify(DATA, [bytes(32)]).damage] == ["certificate"]


def test_bytes_after_the_close_record_are_named() -> None:
    assert [d.what for d in verify(DATA + DATA[SIZES[0] : SIZES[1]], [SITE.public]).damage] == ["after-close"]


def test_chunks_after_the_last_signature_play_and_are_reported_as_unsigned() -> None:
    seal = form.RECORD.size + form.SEAL_SIZE
    cut = DATA[: SIZES[5] - seal]
    found = verify(cut, [SITE.public])
    assert found.damage == []
    assert (found.verified_ms, found.unsigned_ms, found.end_ms) == (3400, 1000, 4400)
    assert len(list(SegmentReader(cut, KEY).frames())) == 10


def test_forged_signature_or_chunks_by_another_key_do_not_hold() -> None:
    other, _, sizes = small(Site())
    found = verify(DATA[: SIZES[0]] + other[sizes[0] :], [SITE.public])
    assert not found.closed
    assert found.verified_ms == 0
    assert found.first_damaged_second == 0


@given(st.binary(max_size=300))
def test_garbage_is_never_an_error(raw: bytes) -> None:
    assert not verify(raw, [SITE.public]).closed
    assert not verify(DATA[: SIZES[2]] + raw, [SITE.public]).closed


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=400), st.booleans(), st.booleans()), max_size=60),
    st.data(),
)
def test_any_recording_round_trips_and_its_prefixes_hold(
    steps: list[tuple[int, bytes, bool, bool]], draw: st.DataObject
) -> None:
    session_id = new_id()
    writer = SITE.writer(session_id, 7)
    data, now, wanted, safe = writer.head(), STARTED, [], 0
    for wait, payload, key, cut in steps:
        now += wait
        due = writer.add(now, 0x200, 19, payload, key)
        wanted.append((now - STARTED, payload))
        if cut or due:
            data += b"".join(writer.cut(now))
            safe = len(wanted)
    assert [(f.time_ms, bytes(f.payload)) for f in SegmentReader(data, KEY).frames()] == wanted[:safe]
    data += b"".join(writer.close(now, "ended"))
    assert verify(data, [SITE.public], (session_id, 7)).closed
    assert verify(data, [SITE.public]).intact
    index = Index.build(data)
    assert all(c.end_ms - c.start_ms <= form.CHUNK_MS for c in index)
    short = data[: draw.draw(st.integers(0, len(data)))]
    assert verify(short, [SITE.public]).damage == []


def test_times_never_run_backwards_and_due_follows_a_second() -> None:
    writer = SITE.writer(new_id())
    data = writer.head()
    assert not writer.due(STARTED + 60_000)
    assert not writer.add(STARTED + 500, 0x200, 19, b"a")
    assert not writer.add(STARTED + 100, 0x200, 19, b"b")
    assert not writer.due(STARTED + 1499)
    assert writer.due(STARTED + 1500)
    data += b"".join(writer.cut(STARTED + 1500))
    assert [f.time_ms for f in SegmentReader(data, KEY).frames()] == [500, 500]
    assert writer.cut(STARTED + 1600) == []


def test_a_fast_stream_is_signed_within_a_second_and_not_after_every_chunk() -> None:
    # Killed at any moment, at most about the last second is not proven.
    writer = SITE.writer(new_id())
    data, payload, cuts = writer.head(), bytes(form.CHUNK_PLAIN), 0
    for time in range(0, 3000, 10):
        assert writer.add(STARTED + time, 0x200, 19, payload)
        data += b"".join(writer.cut(STARTED + time))
        cuts += 1
        found = verify(data, [SITE.public])
        assert found.damage == []
        assert found.end_ms == time
        assert found.end_ms - found.verified_ms <= form.CHUNK_MS
    assert data.count(form.SIGNATURE) < 10 < cuts


def test_what_was_cut_early_is_due_for_its_signature_a_second_after_it_came() -> None:
    writer = SITE.writer(new_id())
    data = writer.head()
    assert writer.add(STARTED + 100, 0x200, 19, bytes(form.CHUNK_PLAIN))
    data += b"".join(writer.cut(STARTED + 100))
    assert verify(data, [SITE.public]).unsigned_ms == 100
    assert not writer.due(STARTED + 1099)
    assert writer.due(STARTED + 1100)
    data += b"".join(writer.cut(STARTED + 1100))
    assert verify(data, [SITE.public]).verified_ms == 100
    assert not writer.due(STARTED + 60_000)
    assert writer.cut(STARTED + 60_000) == []


def test_large_frames_make_bounded_chunks() -> None:
    writer = SITE.writer(new_id())
    data = writer.head()
    assert writer.add(STARTED, 0x200, 19, bytes(form.MAX_PAYLOAD), key=True)
    assert writer.add(STARTED + 1, 0x200, 19, b"x" * 10)
    data += b"".join(writer.cut(STARTED + 2))
    index = Index.build(data)
    assert [c.plain_size <= form.MAX_PLAIN for c in index] == [True, True]
    assert index[0].key_ms == 0
    assert index[1].key_ms == form.NO_KEY
    with pytest.raises(WriterError, match="over the limit"):
        writer.add(STARTED, 0x200, 19, bytes(form.MAX_PAYLOAD + 1))


def test_a_writer_that_is_used_wrongly_says_so() -> None:
    writer = SITE.writer(new_id())
    with pytest.raises(WriterError, match="head"):
        writer.cut(STARTED)
    writer.head()
    with pytest.raises(WriterError, match="once"):
        writer.head()
    block = bytes(form.MAX_PAYLOAD)
    for _ in range(MAX_WAITING // form.MAX_PAYLOAD):
        writer.add(STARTED, 0x200, 19, block)
    with pytest.raises(WriterError, match="cut"):
        writer.add(STARTED, 0x200, 19, block)
    writer.close(STARTED, "x" * 500)
    with pytest.raises(WriterError, match="closed"):
        writer.add(STARTED, 0x200, 19, b"")


def test_index_seeks_by_time_and_key_frame() -> None:
    index = Index.build(DATA)
    assert index.end_ms == 8000
    assert index.at(0) == 0
    assert index.at(3400) == 3
    assert index.at(99_000) == 7
    assert [index.key_before(t) for t in (0, 2999, 3000, 5999, 6000, 9000)] == [0, 0, 3, 3, 6, 6]
    assert index[2].kinds == 1 << 4
    chunk = index[2]
    assert DATA[chunk.offset : chunk.offset + 4] == form.CHUNK
    with pytest.raises(form.FormatError):
        Index.build(DATA[10:])


def test_chunks_of_the_same_millisecond_are_all_played() -> None:
    writer = SITE.writer(new_id())
    data = writer.head()
    for payload in (b"a", b"b", b"c"):
        writer.add(STARTED, 0x200, 19, payload)
        data += b"".join(writer.cut(STARTED))
    assert [bytes(f.payload) for f in SegmentReader(data, KEY).frames()] == [b"a", b"b", b"c"]


def test_frames_can_be_chosen_by_kind_and_time() -> None:
    reader = SegmentReader(DATA, KEY)
    assert list(reader.frames(kinds=1 << 2)) == []
    assert next(reader.frames(from_ms=5000)).time_ms == 5000


def test_the_wrong_data_key_opens_nothing() -> None:
    with pytest.raises(Damaged):
        next(SegmentReader(DATA, b"e" * 32).frames())


def test_long_recordings_are_written_verified_and_played_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.fhr"
    writer = SITE.writer(new_id())
    rng = random.Random(1)

    def grow(file: BinaryIO, since_s: int, until_s: int) -> None:
        for second in range(since_s, until_s):
            writer.add(STARTED + second * 1000, 0x200, 19, rng.randbytes(20_000), key=second % 10 == 0)
            file.writelines(writer.cut(STARTED + second * 1000 + 900))

    def read() -> tuple[int, int]:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            tracemalloc.start()
            found = verify(view, [SITE.public])
            count = sum(1 for _ in SegmentReader(view, KEY).frames())
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert found.intact
        return peak, count

    with path.open("wb") as file:
        file.write(writer.head())
        grow(file, 0, 100)
    short, count = read()
    assert count == 100
    with path.open("ab") as file:
        grow(file, 100, 1500)
    long, count = read()
    assert count == 1500
    assert path.stat().st_size > 29_000_000
    # Fifteen times as long: only the index grows, by some hundred bytes a second.
    assert long - short < 1400 * 700


def test_landmarks_are_found_without_opening_the_rest() -> None:
    writer = SITE.writer(new_id())
    data = writer.head()
    for second, (channel, kind) in enumerate([(0x200, 17), (0x200, 19), (0x402, 17), (0x402, 18), (0x200, 18)]):
        writer.add(STARTED + second * 1000, channel, kind, b"x" * 9)
        data += b"".join(writer.cut(STARTED + second * 1000))
    reader = SegmentReader(data, KEY)
    assert [f.time_ms for f in reader.frames(kinds=1 << 18)] == [0, 4000]
    assert [f.time_ms for f in reader.frames(kinds=1 << 20)] == [2000]
    assert [f.time_ms for f in reader.frames(kinds=1 << 2)] == [0, 1000, 4000]
    assert reader.index[1].kinds == 1 << 2


def in_pieces(data: bytes, most: int, cuts: list[int]) -> Verifier:
    """Verify a file that grows to the sizes `cuts` and then to its end, some bytes at a time, by ever new processes."""
    verifier = Verifier([SITE.public], None)
    for size in [*cuts, len(data)]:
        final = size == len(data)
        while not verifier.advance(data[:size], most, final=final):
            assert verifier.findings().verified_ms <= verify(data, [SITE.public]).end_ms
            index = None if verifier.index is None else Index.load(verifier.index.dump())
            verifier = Verifier.resume([SITE.public], None, verifier.state(), index)
    return verifier


@pytest.mark.parametrize("most", [1, 700, 5000])
def test_a_pass_in_pieces_finds_what_a_whole_one_does(most: int) -> None:
    rng = random.Random(most)
    for trial in range(40):
        data = bytearray(DATA)
        for _ in range(trial % 3):
            data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        if trial % 5 == 4:
            del data[rng.randrange(len(data)) :]
        whole = verify(bytes(data), [SITE.public])
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(trial % 4))
        found = in_pieces(bytes(data), most, cuts)
        assert found.findings() == whole
        if found.index is not None and whole.head is not None:
            again = Index.build(bytes(data))
            found.index.grow(bytes(data))
            assert list(found.index) == list(again)
            assert found.index.stretches() == again.stretches()


def test_an_index_that_is_kept_is_the_same_and_anything_else_is_refused() -> None:
    index = Index.build(DATA)
    kept = index.dump()
    again = Index.load(kept)
    assert (list(again), again.head, again.end_ms, again.read_to) == (
        list(index), index.head, index.end_ms, index.read_to,
    )  # fmt: skip
    assert again.key_before(4000) == index.key_before(4000) == 3
    for place in range(len(kept)):
        changed = bytearray(kept)
        changed[place] ^= 0x55
        try:
            assert list(Index.load(bytes(changed))) == list(index)  # a bit that means nothing
        except form.FormatError:
            continue
    for wrong in (b"", kept[:-1], kept + b"x", b"FHI1" + bytes(100)):
        with pytest.raises(form.FormatError):
            Index.load(wrong)
    with pytest.raises(form.FormatError):
        Verifier.resume([SITE.public], None, b"\x93garbage", index)


def test_an_index_grows_with_its_file() -> None:
    index = Index.build(DATA[: SIZES[3] + 17])
    assert len(index) == 3
    index.grow(DATA[: SIZES[5]])
    index.grow(DATA)
    assert (list(index), index.end_ms) == (list(Index.build(DATA)), 8000)


def test_stretches_reach_from_key_frame_to_key_frame() -> None:
    index = Index.build(DATA)
    assert [(s.first, s.last, s.key_ms) for s in index.stretches()] == [(0, 3, 0), (3, 6, 3000), (6, 7, 6000)]
    assert index.stretches()[2].size == index[6].plain_size + index[7].plain_size
    assert [list(index.with_kinds(1 << 4, 2, 4)), list(index.with_kinds(1 << 2))] == [[2, 3, 4], []]
    assert index.holds(1 << 4)
    assert not index.holds(1 << 20)
