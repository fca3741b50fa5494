"""The whole corpus: every family, and files cut off."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tests.corpus.edits import UNKNOWN, FFmpeg, Sample
from tests.corpus.iso_files import fragmented, mp4s
from tests.corpus.matroska_files import mkvs
from tests.corpus.ogg_files import oggs
from tests.corpus.sound_files import aacs, mp3s, wavs

CUT: Final = {
    "ogg opus", "ogg vorbis", "ogg flac", "ogg theora", "m4a moov last", "m4a moov first", "mp4 video", "mov", "fmp4 plain", "fmp4 video", "webm opus",
    "webm live", "webm vp8", "mkv h264 aac", "mka flac", "mp3 cbr", "mp3 vbr", "mp3 vbr without header", "aac adts", "flac", "flac of unknown length", "wav", "wav adpcm_ms", "RF64 ds64 of 5dc00",
}  # fmt: skip


def cuts(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Files cut off: what plays is unknown here, but catalogue, waveform and browsers must agree."""
    for sample in samples:
        if sample.name in CUT:
            for name, end in (
                ("1/3", len(sample.content) // 3),
                ("1/2", len(sample.content) // 2),
                ("all but one", len(sample.content) - 1),
            ):
                yield Sample(
                    f"{sample.name} cut to {name}",
                    sample.content[:end],
                    UNKNOWN,
                    sample.content_type,
                    browsers="browsers may wait for what is missing",
                )


FAMILIES: Final[tuple[Callable[[FFmpeg], Iterator[Sample]], ...]] = (oggs, mp4s, fragmented, mkvs, mp3s, aacs, wavs)


def corpus(ffmpeg: FFmpeg) -> Iterator[Sample]:
    """Every file."""
    made = [sample for family in FAMILIES for sample in family(ffmpeg)]
    yield from made
    yield from cuts(made)
