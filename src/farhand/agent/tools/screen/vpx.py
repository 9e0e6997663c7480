"""VP8 in real time, by libvpx itself.

Why it exists: the encoder has to follow each viewer's rate from frame to frame without a key frame, which needs
libvpx's own interface; docs/decisions/0007-video.md weighs it against the alternatives. Of that interface only what
stands still is used: opaque handles, the head of the configuration, the head of an output packet. Its version is named
when an encoder is made; a library of another one refuses, and there is no video.

Rules: one thread per encoder. No frame is held back: each picture gives one frame at once.
Source: vpx/vpx_encoder.h, vpx/vp8cx.h and vpx/vpx_image.h of libvpx 1.16.
"""

import ctypes
import functools
import weakref
from pathlib import Path

import numpy as np

from farhand.agent.tools.screen.planes import Planes
from farhand.agent.tools.screen.tiles import Pixels

_ENCODER_ABI = 39
_I420 = 0x102
_CBR = 1
_REALTIME = 1
_FORCE_KEY = 1
_FRAME_PACKET = 0
_IS_KEY = 1
_CPU_USED, _STATIC_THRESHOLD, _MAX_INTRA_PERCENT = 13, 17, 26
_SPEED = -8
"""Of VP8's speeds the one at which a 640 x 360 frame takes about 2.5 ms."""


class VideoError(Exception):
    """There is no encoder here, or it failed."""


class _Rational(ctypes.Structure):
    _fields_ = [("num", ctypes.c_int), ("den", ctypes.c_int)]


class _Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def _numbers(names: str) -> list[tuple[str, type[ctypes.c_uint]]]:
    return [(name, ctypes.c_uint) for name in names.split()]


class _Config(ctypes.Structure):
    """Head of vpx_codec_enc_cfg_t; the library fills in the rest by itself."""

    _fields_ = [
        *_numbers("usage threads profile width height bit_depth input_bit_depth"),
        ("timebase", _Rational),
        *_numbers(
            "error_resilient passes lag dropframe resize_allowed scaled_width scaled_height resize_up resize_down"
        ),
        *_numbers("end_usage"),
        ("twopass", _Buffer),
        ("firstpass", _Buffer),
        *_numbers("kbps min_quantizer max_quantizer undershoot overshoot buffer_ms buffer_first_ms buffer_best_ms"),
        *_numbers("bias minsection maxsection corpus key_mode key_least key_most"),
        ("rest", ctypes.c_char * 4096),
    ]


class _Packet(ctypes.Structure):
    """Head of vpx_codec_cx_pkt_t for frames."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("pts", ctypes.c_int64),
        ("duration", ctypes.c_ulong),
        ("flags", ctypes.c_uint32),
    ]


@functools.cache
def _library() -> ctypes.CDLL:
    """Load the libvpx that is installed beside numpy: as part of the package `av`, or alone in the client file."""
    installed = Path(np.__file__).resolve().parents[1]
    places = [*installed.glob("av.libs/libvpx*"), *installed.glob("av/.dylibs/libvpx*")]
    if not places:
        raise VideoError("libvpx is not installed here")
    try:
        library = ctypes.CDLL(str(sorted(places)[-1]))
        handle, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_long
        for name, result, arguments in (
            ("vpx_codec_vp8_cx", handle, []),
            ("vpx_codec_enc_config_default", number, [handle, handle, ctypes.c_uint]),
            ("vpx_codec_enc_init_ver", number, [handle, handle, handle, long, number]),
            ("vpx_codec_enc_config_set", number, [handle, handle]),
            ("vpx_codec_control_", number, [handle, number]),  # and one more that depends on the number
            ("vpx_codec_encode", number, [handle, handle, ctypes.c_int64, ctypes.c_ulong, long, ctypes.c_ulong]),
            ("vpx_codec_get_cx_data", ctypes.POINTER(_Packet), [handle, handle]),
            ("vpx_codec_destroy", number, [handle]),
            ("vpx_codec_err_to_string", ctypes.c_char_p, [number]),
            ("vpx_img_wrap", handle, [handle, number, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, handle]),
            ("vpx_img_free", None, [handle]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise VideoError(f"libvpx cannot be used here: {error}") from error
    return library


def available() -> bool:
    """Say whether this machine can encode video."""
    try:
        Vp8Encoder(16, 16, 100).close()
    except VideoError:
        return False
    return True


class Vp8Encoder:
    """Encodes pictures of one size (sides even), aiming at `kbps` (1000 bits a second)."""

    def __init__(self, width: int, height: int, kbps: int) -> None:
        self._library = _library()
        self._planes = Planes(width, height)
        codec = self._library.vpx_codec_vp8_cx()
        self._config = config = _Config()
        self._check(self._library.vpx_codec_enc_config_default(codec, ctypes.byref(config), 0))
        config.width, config.height = width, height
        config.timebase = _Rational(1, 1000)
        config.lag = 0
        config.end_usage = _CBR
        config.kbps = kbps
        config.min_quantizer, config.max_quantizer = 4, 56
        config.undershoot, config.overshoot = 95, 30
        config.buffer_ms, config.buffer_first_ms, config.buffer_best_ms = 600, 300, 400
        config.key_mode = 0  # key frames are made on demand only
        self._context = ctypes.create_string_buffer(512)
        self._check(self._library.vpx_codec_enc_init_ver(self._context, codec, ctypes.byref(config), 0, _ENCODER_ABI))
        self._image = self._library.vpx_img_wrap(None, _I420, width, height, 1, self._planes.data.ctypes.data)
        self._end = weakref.finalize(self, _free, self._library, self._context, self._image, self._planes)
        for control, value in ((_CPU_USED, _SPEED), (_STATIC_THRESHOLD, 1), (_MAX_INTRA_PERCENT, 300)):
            self._check(self._library.vpx_codec_control_(self._context, control, ctypes.c_int(value)))
        self._time = -1

    @property
    def kbps(self) -> int:
        """The rate that is aimed at."""
        return int(self._config.kbps)

    def aim(self, kbps: int) -> None:
        """Aim at another rate from the next frame on."""
        self._config.kbps = kbps
        self._check(self._library.vpx_codec_enc_config_set(self._context, ctypes.byref(self._config)))

    def encode(self, pixels: Pixels, now: float, key: bool) -> bytes:
        """Return the frame of a picture that is shown at `now` (seconds); `key`: it needs none of those before."""
        self._planes.fill(pixels)
        at = max(int(now * 1000), self._time + 1)
        lasts = min(at - self._time, 200) if self._time >= 0 else 33
        self._time = at
        flags = _FORCE_KEY if key else 0
        self._check(self._library.vpx_codec_encode(self._context, self._image, at, lasts, flags, _REALTIME))
        place = ctypes.c_void_p()
        packet = self._library.vpx_codec_get_cx_data(self._context, ctypes.byref(place))
        if not packet or packet.contents.kind != _FRAME_PACKET:
            raise VideoError("the encoder gave no frame")
        found = packet.contents
        if key and not found.flags & _IS_KEY:
            raise VideoError("the encoder gave no key frame")
        return ctypes.string_at(found.data, found.size)

    def close(self) -> None:
        """Free the encoder; it is done without this too, when the object goes."""
        self._end()

    def _check(self, result: int) -> None:
        if result:
            text = self._library.vpx_codec_err_to_string(result)
            raise VideoError(f"libvpx: {(text or b'').decode('ascii', 'replace')}")


def _free(library: ctypes.CDLL, context: ctypes.Array[ctypes.c_char], image: int, _planes: Planes) -> None:
    """`_planes` holds the picture's memory until here."""
    library.vpx_img_free(image)
    library.vpx_codec_destroy(context)
