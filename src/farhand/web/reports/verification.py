"""What a verification found, in sentences of the reader's language."""

from typing import Final

import msgspec
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from farhand.web.reports.queries import span
from farhand.web.reports.recordings import Gap, Recording

MOST: Final = 200
"""Places that are named on the page."""
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
    """The verification of a whole recording, in words."""

    good: bool
    running: bool
    """It is still on its way."""
    share: float
    """How far it is, 0 to 1."""
    summary: str
    notes: list[Note]
    checked_ms: int
    """When what stands here was found."""


def result(recording: Recording) -> Result:
    """Say how far the recording is proven."""
    gaps = recording.gaps()
    notes = [
        Note(
            at=span(gap.from_ms - recording.started_ms),
            until=span(gap.to_ms - recording.started_ms),
            text=gettext(_GAPS[gap.what]),
        )
        for gap in gaps[:MOST]
    ]
    changed = any(segment.check.changed for segment in recording.segments)
    return Result(
        good=recording.exists and recording.known and not gaps and not changed,
        running=not recording.known,
        share=recording.share,
        summary=_summary(recording, gaps, changed),
        notes=notes,
        checked_ms=max((segment.check.checked_ms for segment in recording.segments), default=0),
    )


def _summary(recording: Recording, gaps: list[Gap], changed: bool) -> str:
    if not recording.exists and recording.known:
        return gettext("The files of this recording are missing.")
    if not recording.known:
        return gettext("The recording is being verified: %(share)d %%.") % {"share": int(recording.share * 100)}
    if changed:
        return gettext("The files of this recording have changed since they were verified. Verify them again.")
    proven = span(_proven_ms(recording))
    harm = [gap for gap in gaps if gap.what != "cut"]
    if harm:
        found = {"time": proven, "second": span(harm[0].from_ms - recording.started_ms)}
        return gettext("Verified to %(time)s. The first damaged second is %(second)s.") % found
    if gaps:
        return gettext("Verified to %(time)s; see what was found.") % {"time": proven}
    return gettext("Verified to %(time)s, without gaps.") % {"time": proven}


def _proven_ms(recording: Recording) -> int:
    """From the start of the recording to the end of what is proven without damage. Segments follow each other."""
    proven = 0
    for segment in recording.segments:
        findings = segment.check.findings
        if findings.head is None:
            break
        proven = segment.started_ms - recording.started_ms + findings.verified_ms
        if findings.damage:
            break
    return proven
