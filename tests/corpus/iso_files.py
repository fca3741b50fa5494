"""MP4, QuickTime and 3GP: edit lists, boxes, brands, fragments (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from typing import Final

from tests.corpus import edits
from tests.corpus.edits import FFmpeg, Sample


def mp4s(ffmpeg: FFmpeg) -> Iterator[Sample]:
    last = ffmpeg.sound("m4a", "aac", "-b:a", "64k")
    first = ffmpeg.sound("m4a", "aac", "-b:a", "64k", "-movflags", "+faststart")
    yield Sample("m4a moov last", last, 4, "audio/mp4")
    yield Sample("m4a moov first", first, 4, "audio/mp4")
    for codec, suffix in (("alac", "m4a"), ("libopus", "mp4"), ("flac", "mp4"), ("libmp3lame", "mp4"), ("ac3", "mp4")):
        strange = {"ac3": "no browser here plays AC-3", "alac": "no browser here plays ALAC"}
        yield Sample(f"mp4 {codec}", ffmpeg.sound(suffix, codec), 4, "audio/mp4", browsers=strange.get(codec, ""))
    yield Sample("mp4 video", ffmpeg.movie("mp4", "libx264", "aac"), 4, "video/mp4")
    yield Sample("mp4 video, sound longer", ffmpeg.movie("mp4", "libx264", "aac", picture=2), 4, "video/mp4")
    yield Sample("mp4 video, picture longer", ffmpeg.movie("mp4", "libx264", "aac", sound=2), 4, "video/mp4")
    yield Sample("mp4 video with B frames", ffmpeg.movie("mp4", "libx264", "aac", "-bf", "3"), 4, "video/mp4")
    yield Sample("mp4 av1", ffmpeg.movie("mp4", "libsvtav1", "aac"), 4, "video/mp4")
    yield Sample("mp4 vp9", ffmpeg.movie("mp4", "libvpx-vp9", "libopus"), 4, "video/mp4")
    # Edit lists (ISO/IEC 14496-12 section 8.6.6): the movie's scale is 1,000, the track's 48,000.
    yield Sample("m4a without edits", edits.with_edits(first), 4, "audio/mp4")
    yield Sample("m4a edit skips a second", edits.with_edits(first, (3000, 48_000)), 3, "audio/mp4")
    yield Sample(
        "m4a edit ends early", edits.with_edits(first, (2500, 0)), 2.5, "audio/mp4", browsers="Firefox plays on"
    )
    yield Sample(
        "m4a edit from one to three",
        edits.with_edits(first, (2000, 48_000)),
        2,
        "audio/mp4",
        browsers="Firefox plays on",
    )
    # Nothing precedes it: the time line begins with the sound, as Chromium has it.
    yield Sample("m4a empty edit", edits.with_edits(first, (1000, -1), (4000, 0)), 4, "audio/mp4")
    yield Sample(
        "m4a two edits", edits.with_edits(first, (1000, 0), (1000, 96_000)), 2, "audio/mp4", browsers="Firefox plays on"
    )
    yield Sample(
        "m4a edit of no length",
        edits.with_edits(first, (0, 1024)),
        None,
        browsers="browsers refuse it, or ignore the edit",
    )
    movie = ffmpeg.movie("mp4", "libx264", "aac", "-movflags", "+faststart")
    yield Sample(
        "mp4 sound begins late",
        edits.with_edits(movie, (1000, -1), (4000, 0)),
        5,
        "video/mp4",
        browsers="Firefox ignores it",
    )
    yield Sample(
        "mp4 picture begins late",
        edits.with_edits(movie, (1000, -1), (4000, 0), handler=b"vide"),
        5,
        "video/mp4",
        0.3,
        browsers="Firefox ignores it",
    )
    yield Sample(
        "mp4 both begin late",
        edits.with_edits(edits.with_edits(movie, (1000, -1), (4000, 0)), (1000, -1), (4000, 0), handler=b"vide"),
        4,
        "video/mp4",
        0.3,
    )
    # Boxes.
    ftyp, rest = first[: int.from_bytes(first[:4], "big")], first[int.from_bytes(first[:4], "big") :]
    for kind in (b"free", b"skip", b"wide", b"uuid", b"abcd"):
        filler = edits.box(kind, bytes(16 if kind == b"uuid" else 0 if kind == b"wide" else 3000))
        yield Sample(
            f"m4a {kind.decode()} after ftyp", ftyp + filler + edits.moved_offsets(rest, len(filler)), 4, "audio/mp4"
        )
    filler = edits.box(b"free", bytes(2 << 20), wide=True)
    yield Sample("m4a two megabytes of free", ftyp + filler + edits.moved_offsets(rest, len(filler)), 4, "audio/mp4")
    yield Sample("m4a without ftyp", edits.moved_offsets(rest, -len(ftyp)), 4, "video/quicktime")
    place = [at for kind, at, _ in edits.boxes_of(first) if kind == b"mdat"][-1]
    yield Sample(
        "m4a mdat of 64 bits",
        edits.moved_offsets(first[:place], 8) + edits.box(b"mdat", first[place + 8 :], wide=True),
        4,
        "audio/mp4",
    )
    yield Sample("m4a mdat of size 0", first[:place] + bytes(4) + first[place + 4 :], 4, "audio/mp4")
    yield Sample("m4a moov in the middle", _moov_in_the_middle(first, place), 4, "audio/mp4")
    yield Sample("m4a garbage after", last + b"garbage" * 999, 4, "audio/mp4")
    yield Sample("m4a zeros after", last + bytes(9999), 4, "audio/mp4")
    yield Sample("m4a free after", last + edits.box(b"free", bytes(9999)), 4, "audio/mp4")
    for brand, content_type in (
        ("isom", "audio/mp4"), ("mp42", "audio/mp4"), ("M4A ", "audio/mp4"), ("M4B ", "audio/mp4"), ("M4V ", "audio/mp4"), ("F4V ", "audio/mp4"), ("F4A ", "audio/mp4"),
        ("dash", "audio/mp4"), ("iso8", "audio/mp4"), ("3gp4", "audio/3gpp"), ("3gp5", "audio/3gpp"), ("3gr6", "audio/3gpp"), ("3gs7", "audio/3gpp"),
        ("3g2a", "audio/3gpp2"), ("3g2c", "audio/3gpp2"), ("qt  ", "video/quicktime"), ("mqt ", "audio/mp4"), ("XXXX", "audio/mp4"),
    ):  # fmt: skip
        named = edits.box(b"ftyp", brand.encode() + bytes(4) + brand.encode())
        yield Sample(f"m4a brand {brand}", named + edits.moved_offsets(rest, len(named) - len(ftyp)), 4, content_type)
    mixed = edits.box(b"ftyp", b"3gp5" + bytes(4) + b"isom3gp5")
    yield Sample("3gp compatible with isom", mixed + edits.moved_offsets(rest, len(mixed) - len(ftyp)), 4, "audio/3gpp")
    mixed = edits.box(b"ftyp", b"mp42" + bytes(4) + b"mp423gp5isom")
    yield Sample("mp42 compatible with 3gp", mixed + edits.moved_offsets(rest, len(mixed) - len(ftyp)), 4, "audio/mp4")
    quicktime = ffmpeg.movie("mov", "libx264", "aac")
    yield Sample("mov", quicktime, 4, "video/quicktime")
    yield Sample("mov pcm", ffmpeg.sound("mov", "pcm_s16le"), 4, "video/quicktime")
    yield Sample(
        "mov ima4", ffmpeg.sound("mov", "adpcm_ima_qt"), 4, "video/quicktime", browsers="no browser plays IMA4"
    )
    yield Sample("mov wide first", edits.box(b"wide", b"") + edits.moved_offsets(quicktime, 8), 4, "video/quicktime")
    yield Sample("3gp video", ffmpeg.movie("3gp", "libx264", "aac"), 4, "video/3gpp")
    yield Sample("3g2 video", ffmpeg.movie("3g2", "libx264", "aac"), 4, "video/3gpp2")


def _moov_in_the_middle(content: bytes, data_at: int) -> bytes:
    """Half of the media data before the movie box, in a box of its own, and half after it."""
    moov = next(content[place : place + size] for kind, place, size in edits.boxes_of(content) if kind == b"moov")
    ftyp = content[: int.from_bytes(content[:4], "big")]
    data = content[data_at + 8 :]
    # The chunks stay in a row only where nothing is cut: all of them before, and empty data after.
    moved = len(ftyp) + 8 - (data_at + 8)
    return (
        ftyp
        + edits.box(b"mdat", data)
        + edits.moved_offsets(moov, moved)
        + edits.box(b"mdat", b"")
        + edits.box(b"free", bytes(99))
    )


FRAGMENTS: Final = "+frag_keyframe+empty_moov+default_base_moof"


def fragmented(ffmpeg: FFmpeg) -> Iterator[Sample]:
    whole = ffmpeg.sound("m4a", "aac", "-b:a", "64k")
    for name, flags in (
        ("plain", FRAGMENTS), ("sidx", FRAGMENTS + "+global_sidx"), ("dash", FRAGMENTS + "+dash"), ("cmaf", FRAGMENTS + "+cmaf"),
        ("no mfra", FRAGMENTS + "+skip_trailer"), ("delayed moov", "+frag_keyframe+delay_moov"), ("samples in moov", "+frag_keyframe"), ("separate", FRAGMENTS + "+separate_moof"),
        ("omit offset", "+frag_keyframe+empty_moov+omit_tfhd_offset"),
    ):  # fmt: skip
        content = ffmpeg.again(whole, "m4a", "mp4", "-movflags", flags, "-frag_duration", "500000")
        strange = "Firefox plays the samples of moov only" if name == "samples in moov" else ""
        yield Sample(f"fmp4 {name}", content, 4, "audio/mp4", browsers=strange)
    movie = ffmpeg.movie("mp4", "libx264", "aac", "-bf", "2", "-movflags", FRAGMENTS)
    yield Sample("fmp4 video", movie, 4.2, "video/mp4")
    negative = ffmpeg.movie("mp4", "libx264", "aac", "-bf", "2", "-movflags", FRAGMENTS + "+negative_cts_offsets")
    yield Sample("fmp4 negative ctts", negative, 4, "video/mp4")
    plain = ffmpeg.movie("mp4", "libx264", "aac", "-bf", "2", "-movflags", "+negative_cts_offsets")
    yield Sample("mp4 negative ctts", plain, 4, "video/mp4")
    yield Sample(
        "fmp4 sound longer", ffmpeg.movie("mp4", "libx264", "aac", "-movflags", FRAGMENTS, picture=2), 4.2, "video/mp4"
    )
    yield Sample(
        "fmp4 begins at 100 s",
        ffmpeg.again(
            whole, "m4a", "mp4", "-movflags", FRAGMENTS, "-frag_duration", "500000", "-output_ts_offset", "100"
        ),
        4,
        "audio/mp4",
    )
    pieces = ffmpeg.again(whole, "m4a", "mp4", "-movflags", FRAGMENTS, "-frag_duration", "500000")
    boxes = list(edits.boxes_of(pieces))
    moofs = [place for kind, place, _ in boxes if kind == b"moof"]
    yield Sample("fmp4 a fragment lost", pieces[: moofs[3]] + pieces[moofs[4] :], 4, "audio/mp4", 0.1)
    yield Sample("fmp4 cut in a fragment", pieces[: moofs[4] + 2000], 2, "audio/mp4", 0.5)
    yield Sample("fmp4 cut between fragments", pieces[: moofs[4]], 2, "audio/mp4", 0.1)
    yield Sample(
        "fmp4 free between fragments",
        pieces[: moofs[2]] + edits.box(b"free", bytes(9999)) + pieces[moofs[2] :],
        4,
        "audio/mp4",
    )
    yield Sample("fmp4 a duration in mvhd that is wrong", _lying_movie(pieces, 3_600_000), 4, "audio/mp4")
    yield Sample("m4a a duration in mvhd that is wrong", _lying_movie(whole, 3_600_000), 4, "audio/mp4")


def _lying_movie(content: bytes, ticks: int) -> bytes:
    place = content.index(b"mvhd") + 20
    return content[:place] + struct.pack(">I", ticks) + content[place + 4 :]
