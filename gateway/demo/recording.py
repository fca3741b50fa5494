"""Encodes the demo's sound, and generates a recording whose pitch shows the position in it.

During second t, the recording is a tone of `300 + 20 * (t // 5)` Hz, for six minutes: from 300 Hz to 1720 Hz, a step every
five seconds. A listener, or a test, can hear where a seek has landed. It swells and fades, so that its waveform has a
shape.
"""

import math
from array import array
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from gateway.catalog import Segment

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

DURATION_SECONDS: Final = 360
STEP_SECONDS: Final = 5
_FIRST_HERTZ: Final = 300
_STEP_HERTZ: Final = 20
SAMPLE_RATE: Final = 16_000
# Every frequency is a multiple of 20 Hz: 50 ms contain whole waves and can be repeated without a click.
_BLOCK_SAMPLES: Final = SAMPLE_RATE // _STEP_HERTZ
_BLOCKS_PER_SWELL: Final = 10
_SOFTEST: Final = 1_600
_LOUDEST: Final = 8_000
# Larger than what a browser fetches ahead: a seek shows up as a range of its own.
_BIT_RATE: Final = 160_000
# LAME spends four seconds on a pure tone otherwise.
_QUICKLY: Final = {"compression_level": "9"}


def frequency_at(seconds: float) -> int:
    """The recording's tone at this second, in Hz: `300 + 20 * (seconds // 5)`."""
    return _FIRST_HERTZ + _STEP_HERTZ * int(seconds // STEP_SECONDS)


def tone_segments() -> Iterator[Segment]:
    """A transcript that describes the tones."""
    for start in range(0, DURATION_SECONDS, 6 * STEP_SECONDS):
        words = f"From {start} seconds on: the tone begins at {frequency_at(start)} hertz and climbs 20 every {STEP_SECONDS} seconds."
        yield Segment(float(start), float(start + 6 * STEP_SECONDS), words, speaker="Seekgate", language="en")


def write_recording(folder: Path) -> Path:
    """Encode the recording into `folder`. Blocking."""
    return encode(folder, "demo", _blocks())


def encode(folder: Path, name: str, blocks: Iterable[bytes]) -> Path:
    """Encode mono sound of 16 bits at SAMPLE_RATE: MP3, or Opus in Ogg if FFmpeg has no LAME. Blocking."""
    import av
    from av.audio.frame import AudioFrame
    from av.codec import codecs_available

    ending, encoder = ("mp3", "libmp3lame") if "libmp3lame" in codecs_available else ("ogg", "libopus")
    path, position = folder / f"{name}.{ending}", 0
    with av.open(str(path), "w") as container:
        added = container.add_stream(encoder, rate=SAMPLE_RATE, layout="mono", options=_QUICKLY)
        stream = cast("AudioStream", added)
        stream.bit_rate = _BIT_RATE
        for block in blocks:
            frame = AudioFrame("s16", "mono", len(block) // 2)
            frame.planes[0].update(block)
            frame.rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), position
            position += len(block) // 2
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _blocks() -> Iterator[bytes]:
    for number in range(DURATION_SECONDS * _STEP_HERTZ):
        if number % _BLOCKS_PER_SWELL == 0:
            seconds = number / _STEP_HERTZ
            block = tone(frequency_at(seconds), _amplitude_at(seconds), _BLOCK_SAMPLES)
        yield block


def _amplitude_at(seconds: float) -> float:
    """The loudness: phrases of some seconds, some of them softer, within waves of minutes."""
    phrase = math.sqrt(abs(math.sin(seconds / 2.3) * math.sin(seconds / 7.1)))
    swell = phrase * (0.7 + 0.3 * math.sin(seconds / 29))
    return _SOFTEST + (_LOUDEST - _SOFTEST) * swell


def tone(hertz: float, amplitude: float, samples: int) -> bytes:
    """That many samples of a pure tone."""
    turn = math.tau * hertz / SAMPLE_RATE
    return array("h", (round(amplitude * math.sin(turn * n)) for n in range(samples))).tobytes()
