"""The job that makes a video of a screen recording: WebM (VP9) or MP4 (AV1), both free to use.

H.264 is not offered: its encoders here are under terms (GPL) or patents that Farhand does not bring upon its users.
Rules: the owner must still be allowed to play the recording when the work begins; what is not proven or not there is
black in the video; nothing but pictures goes in, with the pointer in them (shells have transcripts of their own).
"""

from fractions import Fraction
from typing import Any, Final

import av
import numpy as np

from farhand.kit.log import get_log
from farhand.recording.film import FPS, Shot, film
from farhand.recording.picture import Pixels
from farhand.rules.access import decide
from farhand.rules.text import gettext_noop as _
from farhand.web.accounts.queries import subject_of, user_by_id
from farhand.web.jobs.kinds import Failed, Outcome, Work
from farhand.web.reports import queries, recordings
from farhand.web.reports.thumbnails import session_of

log = get_log("reports")
KEEP_S: Final = 24 * 3600
MAX_SIDE: Final = 4096
"""Longest side of a video in pixels; larger screens are made smaller."""
BLACK: Final = 0
TYPES: Final = {"webm": "video/webm", "mp4": "video/mp4"}
CODECS: Final = {"webm": "libvpx-vp9", "mp4": "libsvtav1"}
OPTIONS: Final[dict[str, dict[str, str]]] = {
    "webm": {
        "deadline": "realtime", "cpu-used": "8", "row-mt": "1", "tune-content": "screen", "crf": "30", "b": "0",
        "lag-in-frames": "0", "g": "240",
    },
    "mp4": {"preset": "12", "crf": "35", "svtav1-params": "scm=2:lp=2", "g": "240"},
}  # fmt: skip
NO_SCREEN: Final = _("This recording has no screen that could be exported.")
NOT_ALLOWED: Final = _("You are no longer allowed to view this recording. Ask an administrator for the permission.")
NO_ENCODER: Final = _("This appliance cannot write this format. Choose the other one.")


def run(work: Work) -> Outcome:
    """Write the video into the job's folder."""
    session = session_of(work)
    _ask(work, session)
    recording = recordings.of_session(session)
    screens = recordings.screens(recording)
    canvas = (max((w for _, w, _ in screens), default=0), max((h for _, _, h in screens), default=0))
    if not all(canvas):
        raise Failed(NO_SCREEN)
    form = str(work.params["form"])
    name = f"session-{session.id}.{form}"
    size = fitted(canvas, int(work.params["height"]))
    with recordings.opened(recording) as readers:
        video = _Video(str(work.folder / name), form, size, canvas, session.name)
        span = max(recording.ended_ms - recording.started_ms, 1)
        try:
            for shot in film(readers, skip_idle=bool(work.params["skip_idle"])):
                work.tell(min(max((shot.wall_ms - recording.started_ms) / span, 0), 0.99))
                video.add(shot)
        finally:
            video.close()
    if not video.pictures:
        raise Failed(NO_SCREEN)
    log.info("exported", session=session.id, form=form, size=f"{size[0]}x{size[1]}", pictures=video.pictures)
    return Outcome(name, TYPES[form], KEEP_S)


def fitted(canvas: tuple[int, int], height: int) -> tuple[int, int]:
    """Size of the video: `height` pixels high (0 = as the screen), never larger than the screen; even sides."""
    width, tall = canvas
    scale = min(1.0, MAX_SIDE / max(canvas), height / tall if height else 1.0)
    return max(round(width * scale) // 2 * 2, 2), max(round(tall * scale) // 2 * 2, 2)


def _ask(work: Work, session: Any) -> None:
    owner = user_by_id(work.owner_id) if work.owner_id else None
    obj = queries.as_object(session)
    if owner is None or not owner.is_active or not decide(subject_of(owner), "reports.recording.export", obj).allowed:
        raise Failed(NOT_ALLOWED)


class _Video:
    """A video file that is being written. All screens are shown in the middle of one canvas."""

    def __init__(self, path: str, form: str, size: tuple[int, int], canvas: tuple[int, int], title: str) -> None:
        self.pictures = 0
        self._size = size
        self._canvas: Pixels = np.full((canvas[1], canvas[0]), BLACK, np.uint32)
        self._shown = (0, 0)
        self._last = -1
        self._file = av.open(path, "w", format=form)
        try:
            self._file.metadata["title"] = title
            stream: Any = self._file.add_stream(CODECS[form], rate=FPS, options=OPTIONS[form])
        except (av.FFmpegError, ValueError) as error:
            self._file.close()
            raise Failed(NO_ENCODER) from error
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        self._stream = stream

    def add(self, shot: Shot) -> None:
        """Add one picture."""
        picture = shot.picture
        if picture.known and all(picture.size):
            frame = av.VideoFrame.from_ndarray(_bytes(self._placed(picture.shown())), format="bgra")
        else:
            frame = av.VideoFrame.from_ndarray(_bytes(np.zeros_like(self._canvas)), format="bgra")
        frame = frame.reformat(*self._size, format="yuv420p", dst_colorspace="ITU709")
        self._last = max(shot.at_ms, self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        for packet in self._stream.encode(frame):
            self._file.mux(packet)
        self.pictures += 1

    def close(self) -> None:
        """Write what is left."""
        if self.pictures:
            for packet in self._stream.encode():
                self._file.mux(packet)
        self._file.close()

    def _placed(self, pixels: Pixels) -> Pixels:
        """The picture on the canvas; itself when it fills it."""
        if pixels.shape == self._canvas.shape:
            return pixels
        if pixels.shape != self._shown:
            self._canvas[:] = BLACK
            self._shown = (pixels.shape[0], pixels.shape[1])
        tall, wide = min(pixels.shape[0], self._canvas.shape[0]), min(pixels.shape[1], self._canvas.shape[1])
        top, left = (self._canvas.shape[0] - tall) // 2, (self._canvas.shape[1] - wide) // 2
        self._canvas[top : top + tall, left : left + wide] = pixels[:tall, :wide]
        return self._canvas


def _bytes(pixels: Pixels) -> Any:
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4)
