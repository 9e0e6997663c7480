"""What reports bring to the program that does long work: making previews, exporting a screen recording as video."""

from collections.abc import Mapping
from typing import Final

from farhand.web.jobs.kinds import Kind, Outcome, Work
from farhand.web.reports.services import EXPORT, PREVIEWS


def _export(work: Work) -> Outcome:
    from farhand.web.reports.export import run

    return run(work)


def _previews(work: Work) -> Outcome:
    from farhand.web.reports.thumbnails import run

    return run(work)


# Decoders and encoders are loaded by the first job that needs them, in that program alone.
KINDS: Final[Mapping[str, Kind]] = {EXPORT: Kind(_export), PREVIEWS: Kind(_previews, short=True)}
