"""Something to try at once: an account, a key that is kept, and a recording that tells its own time.

Knows: how the recording sounds. During second t it is a tone of `300 + 20 * (t // 5)` Hz, for six
minutes: 300 Hz at first, 1720 Hz at the end, a step every five seconds. A listener, or a test, hears
where a seek has landed. It swells and fades, so that there is something to see of it, too.
Refuses to know: the command line, sockets, SQL.
"""

import asyncio
import math
import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from gateway.accounts import issue_key
from gateway.assembly.backends import Backends
from gateway.catalog import ApiKeys, MediaFile, NewMeeting, Owner, RecordingCatalog, Segment
from gateway.imports.files import Ingest
from gateway.imports.local_files import LocalFile
from gateway.keys import digest
from gateway.protocol.byte_path import byte_path
from gateway.settings.load import Config

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

EMAIL: Final = "demo@localhost"
PLATFORM: Final = "google_meet"
NATIVE_MEETING_ID: Final = "demo-seek-gate"
DURATION_SECONDS: Final = 360
STEP_SECONDS: Final = 5
_FIRST_HERTZ: Final = 300
_STEP_HERTZ: Final = 20
_SAMPLE_RATE: Final = 16_000
# Every frequency is a multiple of 20 Hz, so 50 ms hold whole waves and can be repeated without a click.
_BLOCK_SAMPLES: Final = _SAMPLE_RATE // _STEP_HERTZ
_BLOCKS_PER_SWELL: Final = 10
_SOFTEST: Final = 1_600
_LOUDEST: Final = 8_000
# Larger than what a browser fetches ahead: a seek shows up as a range of its own.
_BIT_RATE: Final = 160_000
# LAME spends four seconds on a pure tone otherwise.
_QUICKLY: Final = {"compression_level": "9"}


@dataclass(frozen=True, slots=True)
class Demo:
    """A key of the owner's, and the recording it can read."""

    owner: Owner
    key: str
    recording_id: int
    media_file_id: int

    def curl_lines(self, base_url: str) -> tuple[str, str, str]:
        """Three lines to paste: the list, a thousand bytes from the middle, the headers."""
        curl = f'curl -sS -H "X-API-Key: {self.key}"'
        raw = f"{base_url}{byte_path(self.recording_id, self.media_file_id)}"
        return (
            f"{curl} {base_url}/recordings",
            f"{curl} -r 1000000-1000999 -D - -o /dev/null {raw}",
            f"{curl} -I {raw}",
        )


def frequency_at(seconds: float) -> int:
    """The recording's tone at this second, in Hz: `300 + 20 * (seconds // 5)`."""
    return _FIRST_HERTZ + _STEP_HERTZ * int(seconds // STEP_SECONDS)


async def prepare(config: Config, backends: Backends) -> Demo:
    """The account, the key and the recording; what is there already is kept."""
    owner = Owner(await backends.api_keys.ensure_user(EMAIL))
    key = await _kept_key(config.data_dir / "demo-key", backends.api_keys, owner)
    media = await _find(backends.catalog, owner) or await _add(config, backends, owner)
    return Demo(owner, key, media.recording_id, media.id)


async def _kept_key(path: Path, api_keys: ApiKeys, owner: Owner) -> str:
    kept = await asyncio.to_thread(_read, path)
    stored = await api_keys.find_key(digest(kept))
    now = datetime.now(UTC)
    if stored and stored.owner == owner and not stored.revoked_at and (stored.expires_at or now) >= now:
        return kept
    key, _ = await issue_key(api_keys, owner)
    await asyncio.to_thread(_write, path, key)
    return key


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _write(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an older file might be open to others
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")


async def _find(catalog: RecordingCatalog, owner: Owner) -> MediaFile | None:
    transcript = await catalog.find_transcript(owner, PLATFORM, NATIVE_MEETING_ID)
    media = [file for recording in transcript.recordings for file in recording.media_files] if transcript else []
    return media[0] if media else None


async def _add(config: Config, backends: Backends, owner: Owner) -> MediaFile:
    meeting = NewMeeting(PLATFORM, NATIVE_MEETING_ID, tuple(_segments()))
    ingest = Ingest(backends.catalog, backends.storages[config.default_storage], owner, backends.prober, meeting)
    with tempfile.TemporaryDirectory(prefix="seekgate-demo-") as folder:
        path = await asyncio.to_thread(write_recording, Path(folder))
        media, _ = await ingest.add(LocalFile(path))
    return media


def _segments() -> Iterator[Segment]:
    for start in range(0, DURATION_SECONDS, 6 * STEP_SECONDS):
        words = f"From {start} seconds on: the tone begins at {frequency_at(start)} hertz and climbs 20 every {STEP_SECONDS} seconds."
        yield Segment(float(start), float(start + 6 * STEP_SECONDS), words, speaker="Seekgate", language="en")


def write_recording(folder: Path) -> Path:
    """Encode the recording into `folder`: MP3, or Opus in Ogg where FFmpeg came without LAME. Blocking."""
    import av
    from av.codec import codecs_available

    name, encoder = ("demo.mp3", "libmp3lame") if "libmp3lame" in codecs_available else ("demo.ogg", "libopus")
    path = folder / name
    with av.open(str(path), "w") as container:
        added = container.add_stream(encoder, rate=_SAMPLE_RATE, layout="mono", options=_QUICKLY)
        stream = cast("AudioStream", added)
        stream.bit_rate = _BIT_RATE
        for frame in _frames():
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frames() -> Iterator["AudioFrame"]:
    from av.audio.frame import AudioFrame

    for number in range(DURATION_SECONDS * _STEP_HERTZ):
        if number % _BLOCKS_PER_SWELL == 0:
            seconds = number / _STEP_HERTZ
            wave = _wave(frequency_at(seconds), _amplitude_at(seconds))
        frame = AudioFrame("s16", "mono", _BLOCK_SAMPLES)
        frame.planes[0].update(wave)
        frame.rate, frame.time_base, frame.pts = _SAMPLE_RATE, Fraction(1, _SAMPLE_RATE), number * _BLOCK_SAMPLES
        yield frame


def _amplitude_at(seconds: float) -> float:
    """How loud: phrases of some seconds, some of them softer, within waves of minutes."""
    phrase = math.sqrt(abs(math.sin(seconds / 2.3) * math.sin(seconds / 7.1)))
    swell = phrase * (0.7 + 0.3 * math.sin(seconds / 29))
    return _SOFTEST + (_LOUDEST - _SOFTEST) * swell


def _wave(hertz: int, amplitude: float) -> bytes:
    turn = math.tau * hertz / _SAMPLE_RATE
    return array("h", (round(amplitude * math.sin(turn * n)) for n in range(_BLOCK_SAMPLES))).tobytes()
