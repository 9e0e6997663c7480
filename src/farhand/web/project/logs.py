"""Brings what Django and other libraries log by `logging` into our one form: one line per event."""

import logging

from farhand.kit.log import get_log


class Bridge(logging.Handler):
    """Hands a record over to structlog; a traceback goes along only for errors of our own pages."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. Refused requests are answers, not events: of those only our own bugs (500) are written."""
        if record.name in {"django.request", "django.security.csrf"} and getattr(record, "status_code", 0) != 500:
            return
        try:
            log = get_log(record.name)
            fields: dict[str, object] = {"text": record.getMessage()[:2000]}
            if record.exc_info and record.levelno >= logging.ERROR:
                fields["exc_info"] = record.exc_info
            log.log(record.levelno, "library", **fields)
        except Exception:  # noqa: BLE001 - a log line must never break a request
            self.handleError(record)


def bridge_standard_logging(level: int) -> None:
    """Send all records of `level` and above through the bridge."""
    root = logging.getLogger()
    root.handlers[:] = [Bridge()]
    root.setLevel(level)
