"""Full pictures are asked for by time and by weight."""

from farhand.recording.keyframes import ACTIVE_S, BUSY_BYTES, BUSY_S, QUIET_S, KeyFrames


class Recording:
    """A recorder that gets what it asks for, at once."""

    def __init__(self, weight: int) -> None:
        self.now, self.weight = 0.0, weight
        self.keys: list[float] = []
        self.bytes = 0
        self.rule = KeyFrames(0.0)
        self.key()

    def key(self) -> None:
        self.keys.append(self.now)
        half = self.weight // 2
        assert not self.rule.took(half, True, False, self.now)
        assert not self.rule.took(half, False, True, self.now)

    def run(self, seconds: float, size: int, fps: int = 8) -> list[float]:
        """Updates of this size for so long; return how far apart full pictures were."""
        begin = len(self.keys) - 1
        for _ in range(int(seconds * fps)):
            self.now += 1 / fps
            self.bytes += size
            if self.rule.took(size, False, True, self.now):
                self.rule.asked(self.now)
                self.key()
        return [round(b - a, 3) for a, b in zip(self.keys[begin:], self.keys[begin + 1 :], strict=False)]


def test_a_screen_with_a_blinking_cursor_gets_one_each_half_minute() -> None:
    assert set(Recording(300_000).run(300, 100)) == {QUIET_S}


def test_a_busy_screen_gets_one_each_ten_seconds_and_they_are_at_most_half_of_it() -> None:
    recording = Recording(300_000)
    assert set(recording.run(120, 6_000)) == {ACTIVE_S}
    assert len(recording.keys) * recording.weight <= recording.bytes


def test_a_moving_picture_is_bounded_by_its_weight() -> None:
    recording = Recording(300_000)
    gaps = recording.run(60, 100_000)
    assert all(BUSY_S <= gap <= BUSY_BYTES / 800_000 + 0.2 for gap in gaps)
    heavy = Recording(8_000_000).run(200, 100_000)
    assert all(gap >= ACTIVE_S for gap in heavy)
    assert set(Recording(10_000).run(20, 1_000_000)) == {BUSY_S}


def test_nothing_is_asked_for_while_nothing_comes_and_at_once_when_it_does() -> None:
    recording = Recording(300_000)
    recording.now = 3600
    assert recording.rule.took(100, False, True, 3600)


def test_a_full_picture_that_does_not_come_is_asked_for_again() -> None:
    rule = KeyFrames(0.0)
    assert rule.took(100, False, True, 31)
    rule.asked(31)
    assert not rule.took(100, False, True, 32)
    assert rule.took(100, False, True, 62)
