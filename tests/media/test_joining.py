"""Files of any kinds become one that plays all of their sound and pictures: what `decoding.remuxing` writes, decoded."""

import io
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from random import Random
from typing import Any

import av
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from gateway.media.decoding import remuxing, transcoding
from gateway.media.decoding.remuxing import join
from gateway.media.facts import NotMedia
from tests.media.probing import object_file, probe

SECONDS = 1.5
PICTURES_PER_SECOND = 10


def encoded_later(muxer: str, sound: str = "", picture: str = "", **options: int) -> Callable[[], bytes]:
    """A file that is encoded when it is first needed: every worker imports this module, and one of them needs it."""
    return partial(made, muxer, sound, picture, **options)


@cache
def made(muxer: str, sound: str = "", picture: str = "", *, rate: int = 48_000, **size: int) -> bytes:
    """A file of 1.5 s: noise encoded by `sound`, pictures encoded by `picture`."""
    written = io.BytesIO()
    with av.open(written, "w", format=muxer) as output:
        options = {"strict": "experimental"} if sound == "vorbis" else {}
        layout = "stereo" if sound == "vorbis" else "mono"
        sound_stream: Any = output.add_stream(sound, rate=rate, layout=layout, options=options) if sound else None
        picture_stream: Any = output.add_stream(picture, rate=PICTURES_PER_SECOND) if picture else None
        if picture_stream:
            picture_stream.width, picture_stream.height, picture_stream.pix_fmt = size.get("width", 64), 48, "yuv420p"
            for number in range(round(SECONDS * PICTURES_PER_SECOND)):
                output.mux(picture_stream.encode(_picture(picture_stream.width, number)))
            output.mux(picture_stream.encode(None))
        if sound_stream:
            for place in range(0, round(SECONDS * rate), rate // 50):
                output.mux(sound_stream.encode(_noise(place, rate, layout)))
            output.mux(sound_stream.encode(None))
    return written.getvalue()


def _noise(place: int, rate: int, layout: str) -> AudioFrame:
    frame = AudioFrame("s16", layout, rate // 50)
    frame.planes[0].update(Random(place).randbytes(frame.planes[0].buffer_size))
    frame.rate, frame.pts, frame.time_base = rate, place, Fraction(1, rate)
    return frame


def _picture(width: int, number: int) -> VideoFrame:
    picture = VideoFrame(width, 48, "yuv420p")
    for plane in picture.planes:
        plane.update(Random(number).randbytes(plane.buffer_size))
    picture.pts, picture.time_base = number, Fraction(1, PICTURES_PER_SECOND)
    return picture


def joined(*files: bytes) -> tuple[bytes, int]:
    """The joined file, and how many files are not part of it."""
    written: list[bytes] = []
    left_out = join([object_file(file) for file in files], written.append)
    return b"".join(written), left_out


def decoded(content: bytes) -> tuple[float, int]:
    """The seconds of sound that can be decoded, and the number of pictures."""
    seconds, pictures = 0.0, 0
    with av.open(io.BytesIO(content), "r") as container:
        frames: Any = container.decode()
        for frame in frames:
            pictures += isinstance(frame, VideoFrame)
            seconds += frame.samples / frame.sample_rate if isinstance(frame, AudioFrame) else 0
    return seconds, pictures


WEBM = encoded_later("webm", "libopus")
MOVING_WEBM = encoded_later("webm", "libopus", "libvpx")
MP4 = encoded_later("mp4", "aac")
MOVING_MP4 = encoded_later("mp4", "aac", "libx264")
MOVING_MKV = encoded_later("matroska", "libopus", "libx264")
MP3 = encoded_later("mp3", "libmp3lame")
AAC = encoded_later("adts", "aac")
OGG = encoded_later("ogg", "libopus")
WAV = encoded_later("wav", "pcm_s16le")
VORBIS = encoded_later("webm", "vorbis")


@pytest.mark.parametrize(
    ("made_later", "content_type"),
    [
        pytest.param([WEBM, WEBM], "audio/webm", id="webm"),
        pytest.param([WEBM, OGG], "audio/webm", id="webm-ogg"),
        pytest.param([VORBIS, encoded_later("webm", "vorbis", rate=32_000)], "audio/flac", id="vorbis-of-another-rate"),
        pytest.param([MP4, MP4], "audio/mp4", id="mp4"),
        pytest.param([MP4, encoded_later("mp4", "aac", rate=32_000)], "audio/flac", id="mp4-of-another-rate"),
        pytest.param([encoded_later("matroska", "pcm_s16le")] * 2, "audio/matroska", id="mka"),
        pytest.param([MP3, MP3], "audio/mpeg", id="mp3"),
        pytest.param([MP3, encoded_later("mp3", "libmp3lame", rate=32_000)], "audio/flac", id="mp3-of-another-rate"),
        pytest.param([AAC, AAC], "audio/aac", id="aac"),
        pytest.param([lambda: b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + AAC(), AAC], "audio/aac", id="aac-after-a-tag"),
        pytest.param([AAC, MP3, WAV, WEBM], "audio/flac", id="four-kinds"),
        pytest.param([encoded_later("flac", "flac")] * 2, "audio/flac", id="flac"),
        pytest.param(
            [encoded_later("wav", "pcm_f32le"), WAV, encoded_later("wav", "pcm_mulaw")],
            "audio/flac",
            id="wav-of-three-codecs",
        ),
    ],
)
def test_sound_of_files_of_any_kind_is_joined_whole(made_later: list[Callable[[], bytes]], content_type: str) -> None:
    files = [each() for each in made_later]
    content, left_out = joined(*files)
    assert left_out == 0
    assert probe(content).content_type == content_type
    assert decoded(content)[0] == pytest.approx(sum(decoded(file)[0] for file in files), abs=0.15)
    assert probe(content).duration_seconds == pytest.approx(len(files) * SECONDS, abs=0.2)


def test_a_chain_of_two_codecs_is_two_files() -> None:
    content, left_out = joined(OGG() + made("ogg", "vorbis"), WAV())
    assert left_out == 0
    assert decoded(content)[0] == pytest.approx(3 * SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("made_later", "content_type", "pictures"),
    [
        pytest.param([MOVING_WEBM, MOVING_WEBM], "video/webm", 30, id="webm"),
        pytest.param(
            [MOVING_WEBM, encoded_later("webm", "libopus", "libvpx", width=96)],
            "video/webm",
            30,
            id="webm-of-another-size",
        ),
        pytest.param([MOVING_MP4, MOVING_MP4], "video/mp4", 30, id="mp4"),
        pytest.param(
            [MOVING_MP4, encoded_later("mp4", "aac", "libx264", width=96)], "video/webm", 30, id="mp4-of-another-size"
        ),
        pytest.param([MOVING_MKV, MOVING_MKV], "video/matroska", 30, id="mkv-with-pictures-out-of-order"),
        pytest.param([MOVING_MKV, MOVING_WEBM], "video/webm", 30, id="mkv-webm"),
        pytest.param([MOVING_WEBM, WEBM, MOVING_WEBM], "video/webm", 30, id="one-without-pictures"),
        pytest.param([WEBM, MOVING_WEBM], "video/webm", 15, id="the-first-without-pictures"),
        pytest.param([MOVING_MP4, WAV], "video/webm", 15, id="mp4-wav"),
        pytest.param([encoded_later("webm", "", "libvpx"), WAV, MOVING_MP4], "video/webm", 30, id="one-without-sound"),
    ],
)
def test_pictures_are_joined_with_their_sound(
    made_later: list[Callable[[], bytes]], content_type: str, pictures: int
) -> None:
    files = [each() for each in made_later]
    content, left_out = joined(*files)
    assert left_out == 0
    assert probe(content).content_type == content_type
    assert probe(content).duration_seconds == pytest.approx(len(files) * SECONDS, abs=0.2)
    assert decoded(content)[1] == pictures


def test_a_file_without_sound_is_silent_in_the_joined_one() -> None:
    content, _ = joined(made("webm", "", "libvpx"), MOVING_MP4())
    with av.open(io.BytesIO(content), "r") as container:
        loud = [
            max(map(abs, memoryview(bytes(frame.planes[0])).cast("f"))) > 0.01 for frame in container.decode(audio=0)
        ]
    assert not any(loud[: round(len(loud) * 0.4)])
    assert any(loud[round(len(loud) * 0.6) :])


def test_a_file_that_cannot_be_read_is_counted_and_the_others_are_joined() -> None:
    content, left_out = joined(WEBM(), b"\x1a\x45\xdf\xa3" + bytes(2000), b"", WEBM())
    assert left_out == 2
    assert probe(content).duration_seconds == pytest.approx(2 * SECONDS, abs=0.1)
    with pytest.raises(NotMedia):
        joined(b"no sound", bytes(2000))


def test_pictures_that_take_too_long_to_encode_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcoding, "_MOST_PIXELS", 1)
    content, left_out = joined(WEBM(), MOVING_MP4(), MOVING_WEBM(), MOVING_MP4())
    assert left_out == 2
    assert decoded(content)[1] == 30
    assert math.isclose(probe(content).duration_seconds or 0, 2 * SECONDS, abs_tol=0.2)


def test_the_same_files_make_the_same_bytes() -> None:
    for files in ([MP4(), MP4()], [WEBM(), WAV()], [MOVING_WEBM(), MOVING_MP4()]):
        assert joined(*files) == joined(*files)
    assert remuxing.Output(lambda _: None).write(b"four") == 4
