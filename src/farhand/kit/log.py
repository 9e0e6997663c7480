"""Logs: short lines for people on a terminal, JSON lines everywhere else. One event, one line.

`log = get_log("relay")` then `log.info("agent_linked", agent=agent_id)`: the event is a word in snake_case, all else
are fields. Values that come from outside are escaped by the renderers (no raw control characters reach the terminal).
"""

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, cast


def _structlog() -> Any:
    """Import structlog without rich, which it takes where it is installed, for tracebacks that are not used here: that
    costs each program 6 MB.
    """
    if "rich" in sys.modules:
        return importlib.import_module("structlog")
    sys.modules["rich"] = None  # type: ignore[assignment]  # the import system's word for "not there"
    try:
        return importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


if TYPE_CHECKING:
    import structlog
else:
    structlog = _structlog()


def _escape_controls(_logger: Any, _name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Neutralise control and bidirectional characters: log viewers obey them (terminal escapes, faked lines)."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value)
    return event


def _program_adder(program: str) -> structlog.types.Processor:
    """A processor that names the program on every line, whichever thread writes it."""

    def add(_logger: Any, _name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        event.setdefault("program", program)
        return event

    return add


def configure_log(program: str, *, json_lines: bool | None = None) -> None:
    """Set up logging for one program; `program` is bound to every line.

    With `json_lines` left out, standard error decides: people get text, pipes get JSON unless FARHAND_LOG=text is set.
    """
    text_wanted = os.environ.get("FARHAND_LOG", "") == "text" or sys.stderr.isatty()
    as_json = (not text_wanted) if json_lines is None else json_lines
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    stamp = "iso" if as_json else "%H:%M:%S"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _program_adder(program),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt=stamp, utc=as_json),
            structlog.processors.format_exc_info,
            _escape_controls,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def get_log(area: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines carry `area`."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(area=area))
