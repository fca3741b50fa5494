"""Ogg: codecs, chains, tracks, granule positions, damaged pages (RFC 3533, RFC 7845)."""

import struct
from collections.abc import Iterator

from tests.corpus import edits
from tests.corpus.edits import FFmpeg, Sample


def oggs(ffmpeg: FFmpeg) -> Iterator[Sample]:
    opus = ffmpeg.sound("opus", "libopus", "-b:a", "32k")
    vorbis = ffmpeg.sound("ogg", "libvorbis")
    flac = ffmpeg.sound("oga", "flac")
    speex = ffmpeg.sound("spx", "libspeex", rate=16_000)
    theora = ffmpeg.movie("ogv", "libtheora", "libvorbis")
    yield Sample("ogg opus", opus, 4, "audio/ogg")
    yield Sample("ogg vorbis", vorbis, 4, "audio/ogg")
    yield Sample("ogg flac", flac, 4, "audio/ogg")
    yield Sample("ogg speex", speex, 4, "audio/ogg", browsers="no browser plays Speex")
    yield Sample("ogg theora", theora, 4, "video/ogg")
    other = {
        "opus": ffmpeg.sound("opus", "libopus", "-b:a", "32k", seconds=2, pitch=880),
        "vorbis": ffmpeg.sound("ogg", "libvorbis", seconds=2, pitch=880),
        "flac": ffmpeg.sound("oga", "flac", seconds=2, pitch=880),
        "speex": ffmpeg.sound("spx", "libspeex", seconds=2, rate=16_000, pitch=880),
    }
    first = {"opus": opus, "vorbis": vorbis, "flac": flac, "speex": speex}
    chained = "browsers play the first link only"
    for name, content in first.items():
        for following, end in other.items():
            alike = "Chromium plays the first link only" if name == following == "vorbis" else chained
            yield Sample(
                f"ogg chain {name}+{following}", content + edits.reserial(end, 77), 6, "audio/ogg", browsers=alike
            )
        yield Sample(
            f"ogg chain {name} same serial", content + edits.reserial(other[name], 1), 6, "audio/ogg", browsers=chained
        )
    for rate in (16_000, 44_100):
        end = ffmpeg.sound("ogg", "libvorbis", seconds=2, rate=rate)
        yield Sample(
            f"ogg chain vorbis 48000+{rate}", vorbis + edits.reserial(end, 5), 6, "audio/ogg", browsers=chained
        )
        end = ffmpeg.sound("oga", "flac", seconds=2, rate=rate)
        yield Sample(f"ogg chain flac 48000+{rate}", flac + edits.reserial(end, 5), 6, "audio/ogg", browsers=chained)
    stereo = ffmpeg.sound("ogg", "libvorbis", "-ac", "2", seconds=2)
    yield Sample("ogg chain mono+stereo", vorbis + edits.reserial(stereo, 5), 6, "audio/ogg", browsers=chained)
    yield Sample(
        "ogg chain of ten",
        b"".join(edits.reserial(other["opus"], n) for n in range(10)),
        20,
        "audio/ogg",
        browsers=chained,
    )
    yield Sample("ogg chain video+video", theora + theora, 8, "video/ogg", browsers=chained)
    yield Sample("ogg chain sound+video", vorbis + theora, 8, "audio/ogg", browsers=chained)
    yield Sample("ogg two sounds", ffmpeg.make("ogg", *_two_sounds("libvorbis", 4, 2)), 4, "audio/ogg")
    yield Sample(
        "ogg two sounds, second longer",
        ffmpeg.make("ogg", *_two_sounds("libopus", 2, 4)),
        4,
        "audio/ogg",
        browsers="Firefox plays the first track",
    )
    pages = edits.ogg_pages(opus)
    yield Sample(
        "ogg opus garbage between pages",
        b"".join(pages[:4]) + b"garbage" * 9 + b"".join(pages[4:]),
        4,
        "audio/ogg",
        0.2,
    )
    yield Sample("ogg garbage after", opus + b"garbage" * 999, 4, "audio/ogg")
    yield Sample("ogg zeros after", opus + bytes(99_999), 4, "audio/ogg")
    yield Sample(
        "ogg chain zeros between",
        opus + bytes(5000) + edits.reserial(other["opus"], 5),
        6,
        "audio/ogg",
        browsers=chained,
    )
    yield Sample(
        "ogg opus pre-skip of a second", _pre_skip(pages, 48_000), 3, "audio/ogg", browsers="browsers show the granule"
    )
    last = int.from_bytes(pages[-1][6:14], "little")
    trimmed = [*pages[:-1], edits.ogg_page(pages[-1], granule=last - 24_000)]
    yield Sample("ogg opus end trimmed", b"".join(trimmed), 3.5, "audio/ogg", browsers="Chromium plays on")
    yield Sample(
        "ogg opus granule begins at 100 s",
        _shifted(pages, 4_800_000),
        4,
        "audio/ogg",
        browsers="Chromium counts from 0",
    )
    vorbis_pages = edits.ogg_pages(vorbis)
    yield Sample(
        "ogg vorbis granule begins at 100 s",
        _shifted(vorbis_pages, 4_800_000),
        4,
        "audio/ogg",
        browsers="Chromium counts from 0",
    )
    yield Sample("ogg opus no end flag", b"".join([*pages[:-1], edits.ogg_page(pages[-1], flags=0)]), 4, "audio/ogg")
    yield Sample(
        "ogg opus a page lost",
        b"".join(pages[:4] + pages[5:]),
        4,
        "audio/ogg",
    )
    skeleton = ffmpeg.sound("ogg", "libopus", "-page_duration", "100000")
    yield Sample("ogg opus short pages", skeleton, 4, "audio/ogg")
    yield Sample("ogg opus pages of one packet", ffmpeg.sound("ogg", "libopus", "-page_duration", "1"), 4, "audio/ogg")
    yield Sample("ogg after ID3", edits.id3(1000) + opus, 4, "audio/ogg")


def _two_sounds(codec: str, first: float, second: float) -> tuple[str, ...]:
    sounds = [part for n in (first, second) for part in ("-f", "lavfi", "-i", f"sine=duration={n}:sample_rate=48000")]
    return (*sounds, "-map", "0", "-map", "1", "-c:a", codec)


def _pre_skip(pages: list[bytes], samples: int) -> bytes:
    """Opus with another pre-skip (RFC 7845 section 5.1): what is skipped is not played."""
    place = pages[0].index(b"OpusHead") + 10
    head = pages[0][:place] + struct.pack("<H", samples) + pages[0][place + 2 :]
    return b"".join([edits.ogg_page(head), *pages[1:]])


def _shifted(pages: list[bytes], samples: int) -> bytes:
    moved = []
    for page in pages:
        granule = int.from_bytes(page[6:14], "little", signed=True)
        moved.append(edits.ogg_page(page, granule=granule + samples) if granule > 0 else page)
    return b"".join(moved)
