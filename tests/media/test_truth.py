"""Files as recorders leave them: their length is that of what plays, in the catalogue and in the waveform."""

import struct
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import cast

import av
import pytest
from av.audio.stream import AudioStream

from gateway.media.decoding.sound import compute_waveform
from gateway.media.facts import MediaFacts, NotMedia
from tests.corpus.edits import moved_offsets
from tests.media.probing import object_file, probe
from tests.media.signals import wav
from tests.media_files import SOUNDS, make_sound, make_still, make_video
from tests.toned_files import CHEAPEST, make_toned

RATE = 48_000
SECOND = wav(bytes(range(256)) * 375)  # 48,000 samples


def sound(tmp_path: Path, name: str, seconds: float = 4.0) -> bytes:
    return make_sound(tmp_path / name, seconds).read_bytes()


def heard(content: bytes) -> float:
    found = compute_waveform(object_file(content), lambda *_: None)
    assert found is not None
    return found[0] / 1_000_000


def agreeing(content: bytes) -> MediaFacts:
    """What the file is, when its waveform is as long as the catalogue says."""
    found = probe(content)
    assert found.duration_seconds == pytest.approx(heard(content), abs=0.2)
    return found


def remuxed(content: bytes, path: Path, muxer: str, options: dict[str, str]) -> bytes:
    source = path.with_name("source")
    source.write_bytes(content)
    with av.open(str(source)) as given, av.open(str(path), "w", format=muxer, options=options) as made:
        copies = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                made.mux(packet)
    return path.read_bytes()


def id3(bytes_of_cover: int, filling: bytes = b"\x11") -> bytes:
    cover = (b"APIC" + bytes_of_cover.to_bytes(4, "big") + b"\0\0\0image/jpeg\0\3\0").ljust(
        10 + bytes_of_cover, filling
    )
    return b"ID3\3\0\0" + bytes(len(cover) >> shift & 127 for shift in (21, 14, 7, 0)) + cover


# --- length


@pytest.mark.parametrize("name", SOUNDS)
def test_a_file_cut_in_the_middle_is_as_long_as_what_plays(tmp_path: Path, name: str) -> None:
    content = sound(tmp_path, name)
    half = content[: len(content) // 2]
    if name == "moov-last.m4a":
        with pytest.raises(NotMedia):
            probe(half)
        return
    found = agreeing(half)
    assert found.duration_seconds == pytest.approx(
        2.0, abs=1.1 if name == "sound.ogg" else 0.5
    )  # a page of Ogg has a second
    if name in {"sound.wav", "sound.flac", "sound.webm", "sound.mka", "moov-first.m4a"}:
        assert "warning" in found.metadata


def test_the_links_of_a_chained_ogg_add_up(tmp_path: Path) -> None:
    first, second = sound(tmp_path, "sound.ogg", 3.0), sound(tmp_path, "sound.ogg", 2.0)
    assert agreeing(first + second).duration_seconds == pytest.approx(5.0, abs=0.05)
    assert agreeing(second + first + second).duration_seconds == pytest.approx(7.0, abs=0.05)


def test_the_longest_track_is_the_length_of_a_live_webm(tmp_path: Path) -> None:
    picture = make_video(tmp_path / "moving.webm", 1.0)
    path = tmp_path / "unequal.webm"
    speech = make_sound(tmp_path / "sound.webm", 4.0)
    with (
        av.open(str(picture)) as short,
        av.open(str(speech)) as long,
        av.open(str(path), "w", format="webm", options={"live": "1"}) as made,
    ):
        copies = [made.add_stream_from_template(given.streams[0]) for given in (short, long)]
        for given, copy in zip((short, long), copies, strict=True):
            for packet in given.demux(given.streams[0]):
                if packet.dts is not None:
                    packet.stream = copy
                    made.mux(packet)
    found = agreeing(path.read_bytes())
    assert (found.type, found.metadata["tracks"]) == ("video", 2)
    assert found.duration_seconds == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("seconds", [0, 1, 100])
def test_a_length_counts_from_where_the_time_line_begins(tmp_path: Path, seconds: int) -> None:
    content = sound(tmp_path, "live.webm")
    shifted = remuxed(content, tmp_path / "x.webm", "webm", {"live": "1", "output_ts_offset": str(seconds)})
    assert agreeing(shifted).duration_seconds == pytest.approx(4.0, abs=0.05)


def test_fragments_of_an_mp4_add_up(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
    content = remuxed(sound(tmp_path, "moov-last.m4a"), tmp_path / "x.mp4", "mp4", options)
    assert agreeing(content).duration_seconds == pytest.approx(4.0, abs=0.1)


def data_size(content: bytes, size: int) -> bytes:
    place = content.index(b"data") + 4
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def rf64(content: bytes, size: int) -> bytes:
    """The WAV file as RF64 whose ds64 chunk gives the data this size."""
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, len(content), size, 0, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + data_size(content, 0xFFFFFFFF)[12:]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFF00, 0x7FFFFFFF, 0x7FFFF000, 48_000 * 2 * 3600])
def test_a_lie_about_the_data_of_a_wav_changes_nothing(size: int) -> None:
    assert agreeing(data_size(SECOND, size)).duration_seconds == 1.0


@pytest.mark.parametrize("size", [0, len(SECOND) - 44, 48_000 * 2 * 3600, (1 << 64) - 1])
def test_a_lie_about_the_data_of_an_rf64_changes_nothing(size: int) -> None:
    assert agreeing(rf64(SECOND, size)).duration_seconds == 1.0


@pytest.mark.parametrize("place", [24 + 4, 24 + 8], ids=["byte rate", "block align"])
def test_a_lie_about_the_bit_rate_of_a_wav_changes_nothing(place: int) -> None:
    lying = SECOND[:place] + struct.pack("<H", 3) + SECOND[place + 2 :]
    assert agreeing(lying).duration_seconds == 1.0
    assert probe(lying, budget_bytes=90_000).duration_seconds in {None, 1.0}


@pytest.mark.parametrize("frames", [1, 10, 137_812])
def test_a_lie_in_a_xing_header_changes_nothing(tmp_path: Path, frames: int) -> None:
    content = sound(tmp_path, "sound.mp3")
    place = max(content.find(b"Xing"), content.find(b"Info")) + 8
    lying = content[:place] + frames.to_bytes(4, "big") + content[place + 4 :]
    assert agreeing(lying).duration_seconds == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    "name", ["sound.wav", "sound.webm", "live.webm", "moov-first.m4a", "moov-last.m4a", "sound.flac"]
)
def test_what_follows_the_end_of_a_container_is_reported(tmp_path: Path, name: str) -> None:
    content = sound(tmp_path, name)
    assert "warning" not in probe(content).metadata
    found = agreeing(content * 2)
    assert found.duration_seconds == pytest.approx(4.0, abs=0.1)
    assert "what follows is not played" in str(found.metadata["warning"])


# --- type


@pytest.mark.parametrize("name", ["sound.mp3", "sound.aac", "sound.flac"])
@pytest.mark.parametrize("tag", [id3(1000), id3(3 << 19), id3(3 << 19, b"\xff"), id3(1 << 20) + id3(1 << 20)])
def test_a_tag_of_any_size_is_skipped(tmp_path: Path, name: str, tag: bytes) -> None:
    content = sound(tmp_path, name)
    found = agreeing(tag + content)
    assert found.content_type == probe(content).content_type
    assert found.duration_seconds == pytest.approx(4.0, abs=0.1)


def ebml_header(name: bytes, size_octets: int = 1, before: bytes = b"") -> bytes:
    body = b"\x42\x86\x81\1" + before + b"\x42\x82" + bytes([0x80 | len(name)]) + name + b"\x42\x87\x81\4\x42\x85\x81\2"
    return b"\x1a\x45\xdf\xa3" + (len(body) | 1 << 7 * size_octets).to_bytes(size_octets, "big") + body


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(ebml_header(b"webm"), id="plain"),
        pytest.param(ebml_header(b"webm\0\0\0"), id="NULs after the name"),
        pytest.param(ebml_header(b"webm", 8), id="a size of eight octets"),
        pytest.param(ebml_header(b"webm", 4, b"\xec\x41\0" + bytes(256)), id="Void before the name"),
        pytest.param(ebml_header(b"webm", 4, b"\xec\x10\x20\0\0" + bytes(1 << 21)), id="two megabytes of Void"),
        pytest.param(ebml_header(b"webm", 4, b"\xec\x86\x42\x82\x83mkv"), id="a name inside of Void"),
        pytest.param(ebml_header(b"webm") + b"\xec\x82AB", id="Void before the segment"),
    ],
)
def test_a_document_type_is_found_wherever_ebml_allows_it(tmp_path: Path, header: bytes) -> None:
    content = sound(tmp_path, "sound.webm")
    segment = content[content.index(b"\x18\x53\x80\x67") :]
    assert agreeing(header + segment).content_type == "audio/webm"


@pytest.mark.parametrize(
    ("brand", "content_type", "format"),
    [
        (b"isom", "audio/mp4", "m4a"),
        (b"M4A ", "audio/mp4", "m4a"),
        (b"iso6", "audio/mp4", "m4a"),
        (b"3gp4", "audio/3gpp", "3gp"),
        (b"3gp6", "audio/3gpp", "3gp"),
        (b"3ge6", "audio/3gpp", "3gp"),
        (b"3g2a", "audio/3gpp2", "3g2"),
        (b"qt  ", "video/quicktime", "mov"),
    ],
)
def test_the_brand_is_the_type_of_an_iso_file(tmp_path: Path, brand: bytes, content_type: str, format: str) -> None:
    content = sound(tmp_path, "moov-last.m4a")
    ftyp = b"\0\0\0\x14ftyp" + brand + bytes(4) + brand
    free = content[4:8] == b"ftyp" and b"\0\0\0\x08free"
    assert free
    rest = content[int.from_bytes(content[:4], "big") :]
    padding = int.from_bytes(content[:4], "big") - len(ftyp)
    branded = ftyp + struct.pack(">I", padding) + b"free" + bytes(padding - 8) + rest
    found = agreeing(branded)
    assert (found.content_type, found.format) == (content_type, format)


def test_a_movie_without_a_brand_is_quicktime(tmp_path: Path) -> None:
    content = make_video(tmp_path / "moving.mov").read_bytes()
    size = int.from_bytes(content[:4], "big")
    found = probe(content[:4] + b"free" + bytes(size - 8) + content[size:])
    assert found.content_type == "video/quicktime"
    assert found.duration_seconds == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(("rate", "silence"), [(8_000, 0), (RATE, 200_000)], ids=["slow", "after silence"])
def test_mpeg_audio_in_a_wav_file_that_promises_samples_is_found(rate: int, silence: int) -> None:
    file = BytesIO()
    with av.open(file, "w", format="mp2") as container:
        stream = container.add_stream("mp2", rate=RATE, layout="mono")
        for number in range(50):
            frame = av.AudioFrame("s16", "mono", 1920)
            frame.planes[0].update(bytes(3840))
            frame.rate, frame.pts = RATE, number * 1920
            container.mux(stream.encode(frame))
    facts = probe(wav(bytes(silence) + file.getvalue(), rate))
    assert (facts.metadata["codec"], facts.sample_rate, facts.channels) == ("mp2", RATE, 1)
    assert facts.duration_seconds == pytest.approx(2, abs=0.1)


# --- pictures


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + bytes(4)


def test_an_animated_png_is_a_png(tmp_path: Path) -> None:
    still = make_still(tmp_path / "still.png").read_bytes()
    animated = still[:33] + png_chunk(b"acTL", struct.pack(">II", 2, 0)) + still[33:]
    found = probe(animated)
    assert (found.type, found.content_type, found.metadata["width"]) == ("image", "image/png", 64)


def test_an_animated_webp_is_a_webp() -> None:
    body = b"VP8X" + struct.pack("<IB3x", 10, 2) + b"\x3f\0\0\x2f\0\0" + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    found = probe(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    assert (found.content_type, found.metadata["width"], found.metadata["height"]) == ("image/webp", 64, 48)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2L\1\0;", id="GIF of 4 gigapixels"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">II5x", 1 << 30, 1 << 30)) + png_chunk(b"IDAT", b""),
            id="PNG of an exapixel",
        ),
        pytest.param(b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6, id="WebP of 281 terapixels"),
        pytest.param(b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\1\0\0\0", id="JPEG of 4 gigapixels"),
    ],
)
def test_a_picture_with_too_many_pixels_is_refused_by_its_header(content: bytes) -> None:
    with pytest.raises(NotMedia, match=r"pixels, and at most \d+ are accepted"):
        probe(content)


# --- a budget


@cache
def packets_of_noise(encoder: str) -> bytes:
    """An MP4 of forty seconds of noise, or twice that where an encoder makes less of it."""
    file, random = BytesIO(), Random(1)
    with av.open(file, "w", format="mp4") as container:
        stream = cast(
            "AudioStream", container.add_stream(encoder, rate=RATE, layout="mono", options=CHEAPEST.get(encoder, {}))
        )
        for number in range(2000 if encoder == "libopus" else 1000):
            frame = av.AudioFrame("s16", "mono", 1920)
            frame.planes[0].update(random.randbytes(3840))
            frame.rate, frame.pts = RATE, number * 1920
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def noise(tmp_path: Path, name: str) -> bytes:
    muxer, encoder, options = SOUNDS[name]
    return remuxed(packets_of_noise(encoder), tmp_path / name, muxer, options)


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("edit", [bytes, lambda content: content[: len(content) * 2 // 3]], ids=["whole", "cut"])
def test_a_length_found_within_a_budget_is_right_or_unknown(
    tmp_path: Path, name: str, edit: Callable[[bytes], bytes]
) -> None:
    content = edit(noise(tmp_path, name))
    if name == "moov-last.m4a" and edit is not bytes:
        return
    found, truth = probe(content, budget_bytes=len(content) * 3 // 4), probe(content)
    assert found.content_type == truth.content_type
    assert found.duration_seconds is None or found.duration_seconds == pytest.approx(truth.duration_seconds, abs=0.2)
    if edit is bytes and name in {"sound.wav", "sound.flac", "sound.webm", "sound.mka", "moov-first.m4a"}:
        assert found.duration_seconds is not None


# --- damage


def test_a_sample_table_that_points_beside_the_samples_is_refused(tmp_path: Path) -> None:
    """FFmpeg's decoder takes one of some hundred such packets for sound, in all but the first of these files."""
    content = sound(tmp_path, "moov-first.m4a")
    assert agreeing(moved_offsets(content, 0)).duration_seconds == pytest.approx(4, abs=0.1)
    for distance in (16, 46, 47, 66, 75, 87):
        with pytest.raises(NotMedia, match="nothing in it can be decoded"):
            probe(moved_offsets(content, distance))


def test_a_sound_of_an_unknown_codec_is_refused_and_does_not_spoil_a_picture(tmp_path: Path) -> None:
    unknown = SECOND[:20] + b"\xfe\xca" + SECOND[22:]
    with pytest.raises(NotMedia, match="codec is not known"):
        probe(unknown)
    with pytest.raises(NotMedia, match="codec is not known"):
        heard(unknown)
    content = make_toned(tmp_path, "mkv", 2).read_bytes()
    assert probe(content).channels == 1
    found = probe(content.replace(b"A_AAC", b"A_XYZ"))
    assert (found.type, found.channels) == ("video", None)
