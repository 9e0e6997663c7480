"""What a verification found, in sentences of the reader's language."""

from typing import Final

import msgspec
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from farhand.web.reports.queries import span
from farhand.web.reports.recordings import Recording

_GAPS: Final[dict[str, str]] = {
    "head": _("The beginning of a part of the recording is damaged; the part cannot be verified."),
    "certificate": _("This part of the recording was not certified by this appliance."),
    "altered": _("The recording was altered here."),
    "missing": _("A part of the recording is missing here."),
    "broken": _("The file is damaged here."),
    "signature": _("A signature does not hold here."),
    "after-close": _("Something was added after the end."),
    "unsigned": _("This part is not covered by a signature."),
    "cut": _("The recording was cut off here: the program that records stopped without closing it."),
}


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One place that the reader should know of."""

    at: str
    """Time from the start of the recording, h:mm:ss."""
    until: str
    text: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The verification of a whole recording."""

    good: bool
    summary: str
    notes: list[Note]


def result(recording: Recording, *, running: bool) -> Result:
    """Say how far the recording is proven. `running`: the session has not ended, so an open end is no fault."""
    gaps = recording.gaps()
    if running:
        last = recording.segments[-1].started_ms if recording.segments else 0
        gaps = [gap for gap in gaps if gap.what != "cut" or gap.from_ms < last]
    notes = [
        Note(
            at=span(gap.from_ms - recording.started_ms),
            until=span(gap.to_ms - recording.started_ms),
            text=gettext(_GAPS[gap.what]),
        )
        for gap in gaps
    ]
    proven = span(_proven_ms(recording))
    if not recording.exists:
        return Result(good=False, summary=gettext("The files of this recording are missing."), notes=notes)
    if not gaps:
        return Result(good=True, summary=gettext("Verified to %(time)s, without gaps.") % {"time": proven}, notes=[])
    harm = [gap for gap in gaps if gap.what != "cut"]
    if harm:
        found = {"time": proven, "second": span(harm[0].from_ms - recording.started_ms)}
        summary = gettext("Verified to %(time)s. The first damaged second is %(second)s.") % found
    else:
        summary = gettext("Verified to %(time)s; see what was found.") % {"time": proven}
    return Result(good=False, summary=summary, notes=notes)


def _proven_ms(recording: Recording) -> int:
    """From the start of the recording to the end of what is proven without damage. Segments follow each other."""
    proven = 0
    for segment in recording.segments:
        if segment.findings.head is None:
            break
        proven = segment.started_ms - recording.started_ms + segment.findings.verified_ms
        if segment.findings.damage:
            break
    return proven
