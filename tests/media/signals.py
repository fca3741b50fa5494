"""Media whose waveform is known: silence in the first half, noise in the second."""

import wave
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame

RATE: Final = 48_000
FRAME: Final = 960
SECONDS: Final = 4

# name -> (muxer, encoder, the muxer's options)
SOUNDS: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    "half.wav": ("wav", "pcm_s16le", {}),
    "half-8-bit.wav": ("wav", "pcm_u8", {}),
    "half.mp3": ("mp3", "libmp3lame", {}),
    "half.flac": ("flac", "flac", {}),
    "half.aac": ("adts", "aac", {}),
    "half.ogg": ("ogg", "libopus", {}),
    "half.webm": ("webm", "libopus", {}),
    "half-live.webm": ("webm", "libopus", {"live": "1"}),
    "half-moov-last.m4a": ("ipod", "aac", {}),
    "half-moov-first.m4a": ("ipod", "aac", {"movflags": "faststart"}),
}


def half_silent(path: Path) -> Path:
    """Four seconds of sound in the way of the path's name (a row of SOUNDS)."""
    muxer, encoder, options = SOUNDS[path.name]
    with av.open(str(path), "w", format=muxer, options=options) as container:
        stream = cast("AudioStream", container.add_stream(encoder, rate=RATE, layout="stereo"))
        for frame in _frames():
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def half_silent_video(path: Path) -> Path:
    """The same with a moving picture."""
    with av.open(str(path), "w", format="mp4") as container:
        pictures = container.add_stream("libx264", rate=25)
        pictures.width, pictures.height = 64, 48
        sound = container.add_stream("aac", rate=RATE, layout="stereo")
        for number, frame in enumerate(_frames()):
            container.mux(sound.encode(frame))
            if number % 2 == 0:
                picture = VideoFrame(64, 48, "yuv420p")
                picture.pts, picture.time_base = number // 2, Fraction(1, 25)
                container.mux(pictures.encode(picture))
        for stream in (pictures, sound):
            container.mux(stream.encode(None))
    return path


def wav(samples: bytes, rate: int = RATE) -> bytes:
    """A mono file of these samples of 16 bits."""
    written = BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples)
    return written.getvalue()


def _frames() -> Iterator[AudioFrame]:
    chance = Random(1)
    count = SECONDS * RATE // FRAME
    for number in range(count):
        body = bytes(FRAME * 4) if number < count // 2 else chance.randbytes(FRAME * 4)
        frame = AudioFrame("s16", "stereo", FRAME)
        frame.planes[0].update(body)
        frame.rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
        yield frame
