"""The client file: what goes in of each library."""

from tools import build_client


def test_of_pyav_only_the_vp8_encoder_goes_in() -> None:
    names = [name for name, _ in build_client.library_files("av")]
    assert len(names) == 1
    assert names[0].startswith("lib/av.libs/libvpx")


def test_every_locked_library_has_files() -> None:
    for name in build_client.locked_names():
        assert any(True for _ in build_client.library_files(name)), name


def test_its_licence_goes_along() -> None:
    for place in build_client.NOTICES.values():
        assert "Redistribution and use" in place.read_text()
