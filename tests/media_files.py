"""Real media files of every accepted type, a few seconds long, encoded by the test.

Each is encoded once in a process and written as often as tests ask for it.
"""

from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

RATE = 48_000
FRAME = 1920  # samples: 40 ms
PICTURES_PER_SECOND = 10

# name → (muxer, encoder, the muxer's options)
SOUNDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "sound.wav": ("wav", "pcm_s16le", {}),
    "sound.mp3": ("mp3", "libmp3lame", {}),
    "sound.flac": ("flac", "flac", {}),
    "sound.aac": ("adts", "aac", {}),
    "sound.ogg": ("ogg", "libopus", {}),
    "sound.webm": ("webm", "libopus", {}),
    "live.webm": ("webm", "libopus", {"live": "1"}),
    "sound.mka": ("matroska", "libopus", {}),
    "moov-last.m4a": ("ipod", "aac", {}),
    "moov-first.m4a": ("ipod", "aac", {"movflags": "faststart"}),
}
PICTURES: dict[str, tuple[str, str]] = {
    "moving.mp4": ("mp4", "libx264"),
    "moving.mov": ("mov", "libx264"),
    "moving.mkv": ("matroska", "libx264"),
    "moving.webm": ("webm", "libvpx"),
}
STILLS: dict[str, tuple[str, str]] = {
    "still.jpg": ("image2", "mjpeg"),
    "still.png": ("image2", "png"),
    "still.gif": ("gif", "gif"),
    "still.webp": ("webp", "libwebp"),
}


def make_sound(path: Path, seconds: float = 2.0, name: str | None = None) -> Path:
    """A file of sound in the way of `name` (a row of SOUNDS; the path's own name without it)."""
    path.write_bytes(_encoded_sound(name or path.name, seconds))
    return path


@cache
def _encoded_sound(name: str, seconds: float) -> bytes:
    muxer, encoder, options = SOUNDS[name]
    with TemporaryDirectory() as folder:
        path = Path(folder) / name  # FFmpeg opens it again to put the index first
        with av.open(str(path), "w", format=muxer, options=options) as container:
            _write_sound(container, encoder, seconds)
        return path.read_bytes()


def make_vbr_mp3_without_header(path: Path, seconds: float = 30.0) -> Path:
    """Half silence, half noise at a variable bit rate, and no Xing header with the length."""
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, options={"compression_level": "9"}, layout="mono")
        stream.codec_context.global_quality = 2 * 118
        stream.codec_context.flags |= 2  # QSCALE: variable bit rate
        noise = bytes((i * i * 2654435761 >> 16) & 0xFF for i in range(FRAME * 2))
        for number in range(int(seconds * RATE / FRAME)):
            body = noise if number * FRAME > seconds * RATE / 2 else bytes(FRAME * 2)
            container.mux(stream.encode(_frame(body, number)))
        container.mux(stream.encode(None))
    return path


def make_video(path: Path, seconds: float = 2.0, name: str | None = None) -> Path:
    """A moving picture with sound, in the way of `name` (a row of PICTURES)."""
    path.write_bytes(_encoded_video(name or path.name, seconds))
    return path


@cache
def _encoded_video(name: str, seconds: float) -> bytes:
    muxer, encoder = PICTURES[name]
    file = BytesIO()
    with av.open(file, "w", format=muxer) as container:
        _write_pictures(container, encoder, round(seconds * PICTURES_PER_SECOND))
    return file.getvalue()


def make_still(path: Path, name: str | None = None) -> Path:
    """One picture of 64 by 48 pixels."""
    muxer, encoder = STILLS[name or path.name]
    options = {"update": "1"} if muxer == "image2" else {}
    with av.open(str(path), "w", format=muxer, options=options) as container:
        _write_pictures(container, encoder, 1)
    return path


def _frame(body: bytes, number: int) -> AudioFrame:
    frame = AudioFrame("s16", "mono", FRAME)
    frame.planes[0].update(body)
    frame.rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
    return frame


def _write_sound(container: OutputContainer, encoder: str, seconds: float) -> None:
    stream = cast("AudioStream", container.add_stream(encoder, rate=RATE, layout="mono"))
    for number in range(round(seconds * RATE / FRAME)):
        container.mux(stream.encode(_frame(bytes(range(256)) * (FRAME * 2 // 256), number)))
    container.mux(stream.encode(None))


def _write_pictures(container: OutputContainer, encoder: str, count: int) -> None:
    stream = cast("VideoStream", container.add_stream(encoder, rate=PICTURES_PER_SECOND))
    stream.width, stream.height = 64, 48
    stream.codec_context.thread_count = 1  # threads cost more than pictures of this size
    formats = stream.codec_context.codec.video_formats or []
    stream.pix_fmt = formats[0].name if formats else "yuv420p"
    for number in range(count):
        picture = _grey().reformat(format=stream.pix_fmt)
        picture.pts, picture.time_base = number, Fraction(1, PICTURES_PER_SECOND)
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def _grey() -> VideoFrame:
    picture = VideoFrame(64, 48, "yuv420p")
    for plane in picture.planes:
        plane.update(b"\x80" * plane.buffer_size)
    return picture
