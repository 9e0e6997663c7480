"""The journal's file: what damage costs, numbers that are never used twice, and a disk that is nearly full."""

import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from farhand.protocol.journal import RECORD, encode_entry, read_damaged
from farhand.protocol.messages import Entry
from farhand.relay.live import journal
from farhand.relay.live.journal import Batch, JournalFile, JournalWriter


def entry(seq: int, text: str = "said") -> Entry:
    return Entry(
        seq=seq, time_ms=seq, id=f"01900000-0000-7000-9000-{seq:012d}", leg=2, party=2, subject="user:2", name="rep",
        kind="chat", text=text,
    )  # fmt: skip


def records(count: int) -> list[bytes]:
    return [encode_entry(entry(number + 1, "x" * number)) for number in range(count)]


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


def test_damage_in_the_middle_costs_one_entry_and_no_number_is_used_twice(tmp_path: Path) -> None:
    parts = records(9)
    damaged = b"".join(parts[:4]) + flip(parts[4], 40) + b"".join(parts[5:])
    path = tmp_path / "one.fhj"
    path.write_bytes(damaged)
    file = JournalFile(path)
    assert file.seq == 9
    assert [one.seq for one in file.read(0)] == [1, 2, 3, 4, 6, 7, 8, 9]
    assert [one.seq for one in file.read(4, 2)] == [6, 7]
    assert (tmp_path / "one.fhj.damaged").read_bytes() == damaged
    file.close()
    again = JournalFile(path)
    assert (again.seq, file.size) == (9, path.stat().st_size)
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".damaged2")] == []
    again.close()


def test_a_torn_tail_is_cut_and_nothing_is_put_aside(tmp_path: Path) -> None:
    parts = records(3)
    path = tmp_path / "one.fhj"
    path.write_bytes(b"".join(parts) + records(4)[3][:-5])
    file = JournalFile(path)
    assert file.seq == 3
    assert path.read_bytes() == b"".join(parts)
    assert [one.name for one in tmp_path.iterdir()] == ["one.fhj"]
    file.close()


@given(st.integers(2, 8), st.data())
def test_whatever_byte_is_hit_all_other_entries_are_there(count: int, data: st.DataObject) -> None:
    parts = records(count)
    hit = data.draw(st.integers(0, count - 2))
    at = data.draw(st.integers(0, len(parts[hit]) - 1))
    whole = b"".join([*parts[:hit], flip(parts[hit], at), *parts[hit + 1 :]])
    found, torn = read_damaged(whole)
    assert torn == 0
    assert [one.seq for one, _, _ in found] == [n for n in range(1, count + 1) if n != hit + 1]
    for one, begin, end in found:
        assert whole[begin:end] == parts[one.seq - 1]


def test_an_older_number_behind_damage_does_not_count_again() -> None:
    body = encode_entry(entry(1))
    found, _ = read_damaged(encode_entry(entry(2)) + b"\0" * 30 + body + encode_entry(entry(3)))
    assert [one.seq for one, _, _ in found] == [2, 3]
    assert zlib.crc32(body[RECORD.size :]) == RECORD.unpack_from(body)[1]


def test_a_nearly_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    free = [journal.KEEP_FREE_POSTS]
    results: list[str] = []
    writer = JournalWriter(lambda call, *args: call(*args), free=lambda _path: free[0])
    file = JournalFile(tmp_path / "one.fhj")
    writer.submit(Batch(file, (entry(1),), results.append))
    writer.stop()
    assert results == [journal.NO_SPACE]
    assert file.path.stat().st_size == 0
    free[0] *= 2
    writer = JournalWriter(lambda call, *args: call(*args), free=lambda _path: free[0])
    writer.submit(Batch(file, (entry(1),), results.append))
    writer.stop()
    assert results[1:] == [""]
    assert file.seq == 1
    file.close()
