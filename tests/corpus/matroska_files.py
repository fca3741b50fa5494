"""WebM and Matroska: lengths, time lines, elements of any size (RFC 8794, RFC 9559)."""

import struct
from collections.abc import Iterator
from typing import Final

from tests.corpus import edits
from tests.corpus.edits import FFmpeg, Sample

LIVE: Final = ("-f", "webm", "-live", "1")


def mkvs(ffmpeg: FFmpeg) -> Iterator[Sample]:
    sound = ffmpeg.sound("webm", "libopus", "-b:a", "32k")
    live = ffmpeg.sound("webm", "libopus", "-b:a", "32k", *LIVE)
    movie = ffmpeg.movie("mkv", "libx264", "aac")
    webm = ffmpeg.movie("webm", "libvpx", "libopus")
    yield Sample("webm opus", sound, 4, "audio/webm")
    yield Sample("webm vorbis", ffmpeg.sound("webm", "libvorbis"), 4, "audio/webm")
    yield Sample("webm live", live, 4, "audio/webm")
    yield Sample("webm vp8", webm, 4, "video/webm")
    yield Sample("webm vp9 live", ffmpeg.movie("webm", "libvpx-vp9", "libopus", *LIVE), 4, "video/webm")
    yield Sample("webm av1", ffmpeg.movie("webm", "libsvtav1", "libopus"), 4, "video/webm")
    yield Sample("mkv h264 aac", movie, 4, "video/matroska")
    yield Sample("mka flac", ffmpeg.sound("mka", "flac"), 4, "audio/matroska")
    yield Sample("mka pcm", ffmpeg.sound("mka", "pcm_s16le"), 4, "audio/matroska")
    yield Sample("mka mp3", ffmpeg.sound("mka", "libmp3lame"), 4, "audio/matroska")
    for picture, heard in ((2, 4), (4, 2)):
        for name, options in (("", ()), (" live", LIVE)):
            yield Sample(
                f"webm{name} picture {picture} sound {heard}",
                ffmpeg.movie("webm", "libvpx", "libopus", *options, picture=picture, sound=heard),
                4,
                "video/webm",
            )
    for seconds in (0.5, 3, 100):
        moved = ffmpeg.again(live, "webm", "webm", *LIVE, "-output_ts_offset", str(seconds))
        yield Sample(f"webm live begins at {seconds} s", moved, 4, "audio/webm")
        moved = ffmpeg.again(sound, "webm", "webm", "-output_ts_offset", str(seconds))
        yield Sample(f"webm begins at {seconds} s", moved, 4, "audio/webm", browsers="Firefox counts from 0")
    for late in ("0:a", "0:v"):
        early = "0:v" if late == "0:a" else "0:a"
        for suffix, content in (("webm", webm), ("mkv", movie)):
            path = ffmpeg.stored(content, suffix)
            moved = ffmpeg.make(
                suffix, "-i", path, "-itsoffset", "2", "-i", path, "-map", early, "-map", f"1:{late[2:]}", "-c", "copy"
            )
            content_type = "video/webm" if suffix == "webm" else "video/matroska"
            early_start = "Chromium begins with the sound" if (suffix, late) == ("mkv", "0:a") else ""
            yield Sample(f"{suffix} {late[2:]} begins 2 s late", moved, 6, content_type, browsers=early_start)
    yield from _edited(sound, live, movie)


def _edited(sound: bytes, live: bytes, movie: bytes) -> Iterator[Sample]:
    """The same sound in other elements."""
    (_, head), (_, segment) = list(edits.elements_of(sound))
    children = list(edits.elements_of(segment))
    plain = edits.element("1a45dfa3", head)

    def built(parts: list[bytes], header: bytes = plain, *, unknown: bool = False) -> bytes:
        size = b"\x01" + b"\xff" * 7 if unknown else None
        body = b"".join(parts)
        return header + bytes.fromhex("18538067") + (size or edits.ebml_size(len(body), 8)) + body

    essential = [
        edits.element(name, content) for name, content in children if name in {"1549a966", "1654ae6b", "1f43b675"}
    ]
    without_length = [_without_duration(each) for each in essential]
    yield Sample("webm without index", built(essential), 4, "audio/webm")
    yield Sample("webm segment of unknown size", built(essential, unknown=True), 4, "audio/webm")
    yield Sample("webm neither index nor length", built(without_length), 4, "audio/webm")
    clusters = [
        each if each[:4] != b"\x1f\x43\xb6\x75" else each[:4] + b"\x01" + b"\xff" * 7 + each[12:]
        for each in without_length
    ]
    yield Sample("webm clusters of unknown size", built(clusters, unknown=True), 4, "audio/webm")
    clusters = [each if each[:4] != b"\x1f\x43\xb6\x75" else each[:4] + b"\xff" + each[12:] for each in without_length]
    yield Sample("webm clusters of unknown size in one octet", built(clusters, unknown=True), 4, "audio/webm")
    yield Sample(
        "webm Void everywhere",
        built([part for each in essential for part in (edits.void(99, 1), each, edits.void(5000))]),
        4,
        "audio/webm",
    )
    yield Sample("webm CRC-32 first", built([edits.element("bf", b"\1\2\3\4", 1), *essential]), 4, "audio/webm")
    for extra, name in (
        (edits.element("42f2", b"\4", 1), "EBMLMaxIDLength"), (edits.element("42f3", b"\x08", 4), "EBMLMaxSizeLength in four octets"),
        (edits.void(3000, 4), "Void"), (edits.element("bf", b"\1\2\3\4", 1), "CRC-32"),
    ):  # fmt: skip
        yield Sample(
            f"webm header with {name}", built(essential, edits.element("1a45dfa3", extra + head)), 4, "audio/webm"
        )
    nul = head.replace(b"\x42\x82\x84webm", b"\x42\x82\x88webm\0\0\0\0")
    yield Sample("webm DocType with NULs", built(essential, edits.element("1a45dfa3", nul)), 4, "audio/webm")
    yield Sample("webm Void before the segment", plain + edits.void(70_000) + built(essential, b""), 4, "audio/webm")
    for octets in (1, 2, 4):
        yield Sample(
            f"webm header's size in {octets} octets",
            built(essential, edits.element("1a45dfa3", head, octets)),
            4,
            "audio/webm",
        )
    yield Sample("webm garbage after", sound + b"garbage" * 999, 4, "audio/webm")
    yield Sample("webm live garbage after", live + b"garbage" * 999, 4, "audio/webm", 0.2)
    yield Sample("webm live zeros after", live + bytes(9999), 4, "audio/webm", 0.2)
    yield Sample("webm two in a row", sound + sound, 4, "audio/webm")
    yield Sample("webm live two in a row", live + live, 4, "audio/webm", browsers="not one file")
    yield Sample(
        "webm a Duration that is wrong",
        _lying_duration(sound, 3_600_000.0),
        4,
        "audio/webm",
        browsers="browsers believe it",
    )
    yield Sample(
        "webm a Duration that is short",
        _lying_duration(sound, 1_000.0),
        4,
        "audio/webm",
        browsers="browsers believe it",
    )
    yield Sample(
        "mkv without DocType",
        movie.replace(b"\x42\x82\x88matroska", b"\xec\x89" + bytes(9)),
        4,
        "video/matroska",
        browsers="Chromium refuses it",
    )


def _without_duration(element: bytes) -> bytes:
    place = element.find(b"\x44\x89\x88")
    return element if place < 0 else element[:place] + b"\xec\x89" + bytes(9) + element[place + 11 :]


def _lying_duration(content: bytes, milliseconds: float) -> bytes:
    place = content.index(b"\x44\x89\x88") + 3
    return content[:place] + struct.pack(">d", milliseconds) + content[place + 8 :]
