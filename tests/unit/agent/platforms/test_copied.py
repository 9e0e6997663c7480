"""Files in a clipboard as file managers exchange them: what others put in, and what they get."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.core.desktop import NotThereError
from farhand.agent.platforms.linux import copied
from farhand.protocol.clipboard import FILES, MOST_FILES, fits, read_files

PARTS = st.binary(min_size=1, max_size=40).filter(lambda part: b"/" not in part and b"\0" not in part)
PATHS = st.lists(PARTS.filter(lambda part: part not in (b".", b"..")), min_size=1, max_size=4).map(
    lambda parts: b"/" + b"/".join(parts)
)


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_what_is_given_is_what_is_taken(paths: list[bytes]) -> None:
    content = copied.pack_files(paths)
    for kind in copied.TYPES:
        back = read_files(copied.content_of(copied.render(content, kind)))
        assert (back.paths, back.others) == (paths, 0)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_no_files_or_plain_paths(data: bytes) -> None:
    try:
        content = copied.content_of(b"file:///" + data)
    except NotThereError:
        return
    assert fits(FILES, content)
    for path in read_files(content).paths:
        assert path.startswith(b"/")
        assert not {b".", b".."} & set(path.split(b"/"))


@pytest.mark.parametrize(
    ("data", "paths", "others"),
    [
        (b"file:///home/a/Gr%C3%BC%C3%9Fe%20%23.txt\r\n", ["/home/a/Grüße #.txt"], 0),
        (b"# a comment\r\nfile:///a\r\nhttps://example.org/b\r\nsftp://host/c\r\n", ["/a"], 2),
        (b"copy\nfile:///a\nfile:///b/", ["/a", "/b"], 0),
        (b"cut\nfile:///a", ["/a"], 0),
        (b"FILE://localhost/a/../b\n", ["/b"], 0),
        (f"file://{socket.gethostname()}/a".encode(), ["/a"], 0),
        (b"file:/a\nfile://elsewhere/b", ["/a"], 1),
        (b"trash:///x\nfile:///y", ["/y"], 1),
    ],
)
def test_what_file_managers_write(data: bytes, paths: list[str], others: int) -> None:
    found = read_files(copied.content_of(data))
    assert ([path.decode() for path in found.paths], found.others) == (paths, others)


@pytest.mark.parametrize("data", [b"", b"copy", b"https://example.org/", b"file://", b"file:relative", b"file:///%00x"])
def test_what_holds_no_file_says_so(data: bytes) -> None:
    with pytest.raises(NotThereError, match="no file of that computer"):
        copied.content_of(data)


def test_too_many_are_said() -> None:
    with pytest.raises(NotThereError, match="Copy the folder"):
        copied.content_of(b"".join(b"file:///%d\n" % number for number in range(MOST_FILES + 1)))


def test_text_programs_get_the_paths() -> None:
    assert copied.render(copied.pack_files([b"/a b", b"/c\xff"]), "UTF8_STRING").decode() == "/a b\n/c\ufffd"
