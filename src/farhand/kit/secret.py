"""A value that does not let itself be printed, logged or serialised by accident."""

from typing import NoReturn


class Secret:
    """Wraps secret text or bytes; only `reveal()` gives them back.

    `repr`, `str`, formatting, pickling and iteration refuse, so that a log line or a traceback cannot carry it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the secret. Call it at the point of use only."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __str__(self) -> NoReturn:
        raise TypeError("a Secret has no text form; call reveal() where it is used")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a Secret has no text form; call reveal() where it is used")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be serialised")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("compare secrets with hmac.compare_digest(a.reveal(), b.reveal())")

    __hash__ = None  # type: ignore[assignment]
