"""Files of every format whose sound says where it is: a tone that rises by 20 Hz every five seconds.

The tone is the demo recording's (`gateway.demo.recording.frequency_at`). Every other step has some noise under it, so
that a variable bit rate does vary.
"""

import math
import random
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gateway.demo.recording import STEP_SECONDS, frequency_at

SECONDS: Final = 60
RATE: Final = 48_000
PICTURES_PER_SECOND: Final = 5
_WIDTH, _HEIGHT = 64, 48
_BLOCKS_PER_SECOND: Final = 20
_BLOCK: Final = RATE // _BLOCKS_PER_SECOND
_TONE, _NOISE = 8_000, 1_500
_VARIABLE_BIT_RATE: Final = 2  # AV_CODEC_FLAG_QSCALE
_QUALITY: Final = 4 * 118  # FF_QP2LAMBDA


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file is made: muxer and encoders, and `content_type`, which the gateway should find out."""

    suffix: str
    content_type: str
    muxer: str
    sound: str
    picture: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    variable: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "wav": Kind("wav", "audio/wav", "wav", "pcm_s16le"),
    "mp3-cbr": Kind("mp3", "audio/mpeg", "mp3", "libmp3lame"),
    "mp3-vbr": Kind("mp3", "audio/mpeg", "mp3", "libmp3lame", variable=True),
    "m4a-moov-last": Kind("m4a", "audio/mp4", "ipod", "aac"),
    "m4a-moov-first": Kind("m4a", "audio/mp4", "ipod", "aac", options={"movflags": "faststart"}),
    "ogg-opus": Kind("ogg", "audio/ogg", "ogg", "libopus"),
    "webm-opus": Kind("webm", "audio/webm", "webm", "libopus"),
    "webm-opus-no-cues": Kind("webm", "audio/webm", "webm", "libopus", options={"live": "1"}),
    "flac": Kind("flac", "audio/flac", "flac", "flac"),
    "mp4": Kind("mp4", "video/mp4", "mp4", "aac", "libx264"),
    "mov": Kind("mov", "video/quicktime", "mov", "aac", "libx264"),
    "mkv": Kind("mkv", "video/matroska", "matroska", "aac", "libx264"),
    "webm-video": Kind("webm", "video/webm", "webm", "libopus", "libvpx"),
}

# Encoders think long about a pure tone.
CHEAPEST: Final[Mapping[str, dict[str, str]]] = {
    "libmp3lame": {"compression_level": "9"},
    "libopus": {"compression_level": "0"},
    "libvpx": {"deadline": "realtime"},
}
# Encoder -> the first of the kinds that have the same sound: it is encoded once for all of them.
SHARED: Final[Mapping[str, str]] = {"aac": "m4a-moov-last", "libopus": "ogg-opus"}


def make_toned(folder: Path, name: str, seconds: int = SECONDS) -> Path:
    """A file of that kind (a row of KINDS)."""
    kind = KINDS[name]
    path = folder / f"{name}.{kind.suffix}"
    with av.open(str(path), "w", format=kind.muxer, options=dict(kind.options)) as container:
        write = _copy if kind.sound in SHARED else _encode
        write(container, kind, seconds)
    return path


def _encode(container: OutputContainer, kind: Kind, seconds: int) -> None:
    sound = _add_sound(container, kind)
    for second in range(seconds):
        for frame in _sound_of(second):
            container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


@cache
def _shared_sound(encoder: str, seconds: int) -> bytes:
    kind = KINDS[SHARED[encoder]]
    written = BytesIO()
    with av.open(written, "w", format=kind.muxer) as container:
        _encode(container, kind, seconds)
    return written.getvalue()


def _copy(container: OutputContainer, kind: Kind, seconds: int) -> None:
    """Copy the sound, and encode the picture, if it has one, beside it."""
    with av.open(BytesIO(_shared_sound(kind.sound, seconds)), "r") as source:
        encoded = source.streams.audio[0]
        sound = container.add_stream_from_template(encoded)
        picture = _add_picture(container, kind.picture) if kind.picture else None
        pictured = 0
        for packet in source.demux(encoded):
            if packet.pts is None:
                continue  # the end
            while picture and pictured < seconds and pictured <= packet.pts * packet.time_base:
                _write_pictures(container, picture, pictured)
                pictured += 1
            packet.stream = sound
            container.mux(packet)
        if picture:
            container.mux(picture.encode(None))


def loudest(samples: Sequence[int], rate: int) -> int:
    """The loudest of the recording's tones in these samples, in Hz."""
    return max(
        (frequency_at(second) for second in range(0, 180, STEP_SECONDS)), key=lambda hertz: _power(samples, hertz, rate)
    )


def _power(samples: Sequence[int], hertz: int, rate: int) -> float:
    """The power of this frequency (Goertzel's algorithm)."""
    turn = 2 * math.cos(math.tau * hertz / rate)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return before * before + last * last - turn * before * last


def _add_sound(container: OutputContainer, kind: Kind) -> AudioStream:
    options = CHEAPEST.get(kind.sound, {})
    stream = cast("AudioStream", container.add_stream(kind.sound, rate=RATE, layout="mono", options=options))
    if kind.variable:
        stream.codec_context.global_quality = _QUALITY
        stream.codec_context.flags |= _VARIABLE_BIT_RATE
    elif kind.sound not in {"flac", "pcm_s16le"}:
        stream.bit_rate = 128_000
    return stream


def _add_picture(container: OutputContainer, encoder: str) -> VideoStream:
    stream = cast(
        "VideoStream", container.add_stream(encoder, rate=PICTURES_PER_SECOND, options=CHEAPEST.get(encoder, {}))
    )
    stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
    stream.codec_context.thread_count = 1  # threads cost more than pictures of this size
    stream.codec_context.gop_size = PICTURES_PER_SECOND * STEP_SECONDS
    return stream


def _sound_of(second: int) -> Iterator[AudioFrame]:
    wave = _wave(second // STEP_SECONDS)
    for number in range(_BLOCKS_PER_SECOND):
        frame = AudioFrame("s16", "mono", _BLOCK)
        frame.planes[0].update(wave)
        frame.rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), second * RATE + number * _BLOCK
        yield frame


@cache
def _wave(step: int) -> bytes:
    """A block of this step's sound; frequencies are multiples of 20 Hz, so blocks join without a click."""
    turn = math.tau * frequency_at(step * STEP_SECONDS) / RATE
    noise = random.Random(step)
    loud = _NOISE if step % 2 else 0
    return array("h", (round(_TONE * math.sin(turn * n)) + noise.randint(-loud, loud) for n in range(_BLOCK))).tobytes()


def _write_pictures(container: OutputContainer, stream: VideoStream, second: int) -> None:
    """Grey, and a little lighter every second."""
    for number in range(PICTURES_PER_SECOND):
        frame = VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((0x80 + second % 64,)) * plane.buffer_size)
        frame.pts, frame.time_base = second * PICTURES_PER_SECOND + number, Fraction(1, PICTURES_PER_SECOND)
        container.mux(stream.encode(frame))
