"""A burst of sign-ins takes neither all memory nor all threads."""

import threading
import time

import pytest

from farhand.web.accounts import passwords


def test_too_many_passwords_at_once_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_two_at_once", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_places", threading.BoundedSemaphore(2))
    with passwords._turn():
        entered = threading.Event()

        def second() -> None:
            with passwords._turn():
                entered.set()

        waiting = threading.Thread(target=second)
        waiting.start()
        for _ in range(2000):
            if not passwords._places._value:  # type: ignore[attr-defined]
                break
            time.sleep(0.005)
        with pytest.raises(passwords.Busy) as no:
            passwords.Argon2id().encode("correct horse battery", "saltsaltsalt")
        assert no.value.status == 503
        assert "Wait 5 seconds" in no.value.text
        assert not entered.is_set()
    waiting.join(10)
    assert entered.is_set()
    assert passwords._places._value == 2  # type: ignore[attr-defined]


def test_more_places_than_computations_and_fewer_than_threads() -> None:
    assert 2 < 2 + passwords.WAITING < 56
