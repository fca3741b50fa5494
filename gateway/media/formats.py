"""The media formats that the gateway accepts: FFmpeg's demuxers with their MIME types, and FFmpeg's decoders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.media.facts import NotMedia


@dataclass(frozen=True, slots=True)
class ContainerFormat:
    """The usual extension, and the MIME types of files with sound only and with moving pictures ("": not accepted)."""

    format: str
    audio: str
    video: str


# RFC 9559 section 27.3 registers audio/matroska and video/matroska.
_MATROSKA: Final = ContainerFormat("mkv", "audio/matroska", "video/matroska")
_MATROSKA_AUDIO: Final = ContainerFormat("mka", "audio/matroska", "video/matroska")
_WEBM: Final = ContainerFormat("webm", "audio/webm", "video/webm")
_MP4: Final = ContainerFormat("mp4", "audio/mp4", "video/mp4")
_M4A: Final = ContainerFormat("m4a", "audio/mp4", "video/mp4")
_QUICKTIME: Final = ContainerFormat("mov", "video/quicktime", "video/quicktime")
# ISO-BMFF brands with MIME types of their own: RFC 3839, RFC 4393, and 3GPP TS 26.244 section 5.3.
_3GP: Final = ContainerFormat("3gp", "audio/3gpp", "video/3gpp")
_3G2: Final = ContainerFormat("3g2", "audio/3gpp2", "video/3gpp2")
_BRANDS: Final[Mapping[str, ContainerFormat]] = {
    "qt  ": _QUICKTIME,
    "3g2": _3G2,
    **dict.fromkeys(("3gp", "3ge", "3gf", "3gg", "3gh", "3gm", "3gr", "3gs", "3gt", "3gv"), _3GP),
}

# The first name of FFmpeg's demuxer → its container; of a demuxer for several containers, the most general one.
DEMUXERS: Final[Mapping[str, ContainerFormat]] = {
    "wav": ContainerFormat("wav", "audio/wav", ""),
    "mp3": ContainerFormat("mp3", "audio/mpeg", ""),
    "flac": ContainerFormat("flac", "audio/flac", ""),
    "aac": ContainerFormat("aac", "audio/aac", ""),
    "ogg": ContainerFormat("ogg", "audio/ogg", "video/ogg"),
    "matroska": _MATROSKA,
    "mov": _MP4,
}
# Compressed sound, samples, moving pictures.
DECODERS: Final = frozenset(
    (
        *("aac", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "alac", "amrnb", "amrwb", "eac3", "flac"),
        *("gsm_ms", "mp1", "mp2", "mp3float", "opus", "speex", "vorbis"),
        *("pcm_alaw", "pcm_mulaw", "pcm_s8", "pcm_u8"),
        *(f"pcm_{samples}{order}" for samples in ("s16", "s24", "s32", "f32", "f64") for order in ("be", "le")),
        *("av1", "ffv1", "h263", "h264", "hevc", "libdav1d", "mjpeg", "mpeg2video", "mpeg4", "prores", "qtrle"),
        *("theora", "vp8", "vp9"),
    )
)
MAX_PIXELS: Final = 1 << 28
"""The largest picture: 16,384 × 16,384, more than any screen or camera of a meeting has."""
ACCEPTED: Final = "wav, mp3, m4a, mp4, mov, ogg, webm, flac, aac, mkv, jpeg, png, gif or webp"
_PICTURE_BRANDS: Final = ("hei", "hev", "mif", "msf", "avi")


def is_picture(brand: str) -> bool:
    """Whether the ISO-BMFF brand marks a still picture (HEIF, AVIF), which is not accepted."""
    return brand.startswith(_PICTURE_BRANDS)


def container_format(demuxer: str, brand: str, *, moving: bool) -> ContainerFormat:
    """The container of a file that FFmpeg's `demuxer` read; `brand` is ISO-BMFF's brand or EBML's document type.

    Raises NotMedia for HEIF and AVIF, and for moving pictures in a container that is accepted with sound only.
    """
    found = DEMUXERS[demuxer.partition(",")[0]]
    if found is _MATROSKA:
        found = _WEBM if brand == "webm" else _MATROSKA if moving else _MATROSKA_AUDIO
    elif found is _MP4:
        found = _mp4(brand, moving=moving)
    if moving and not found.video:
        raise NotMedia(f"a {found.format} file with a moving picture is not accepted")
    return found


def _mp4(brand: str, *, moving: bool) -> ContainerFormat:
    if is_picture(brand):
        raise NotMedia("HEIF and AVIF pictures are not accepted")
    for prefix, found in _BRANDS.items():
        if brand.startswith(prefix):
            return found
    return _MP4 if moving else _M4A
