"""Two short conversations to search and listen to: spoken by espeak-ng if it is installed, else one tone for each word."""

import shutil
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from gateway.catalog import Segment
from gateway.demo.recording import SAMPLE_RATE, encode, tone

_BLOCK_BYTES: Final = SAMPLE_RATE // 10 * 2
_PAUSE: Final = bytes(SAMPLE_RATE)  # half a second
_WORD_SAMPLES: Final = SAMPLE_RATE * 22 // 100
_GAP: Final = bytes(SAMPLE_RATE * 8 // 100 * 2)
_LOUDNESS: Final = 6_000
_SPEAK_SECONDS: Final = 20


class Voice(NamedTuple):
    """The voice of a speaker: a voice of espeak-ng, and the pitch of the tones that replace it."""

    espeak: str
    hertz: int


VOICES: Final = {"Ines": Voice("en-us+f3", 330), "Tom": Voice("en-gb+m3", 200)}


@dataclass(frozen=True, slots=True)
class Conversation:
    """The name of a conversation, and its lines as (speaker, text)."""

    name: str
    native_meeting_id: str
    lines: Sequence[tuple[str, str]]


CONVERSATIONS: Final = (
    Conversation(
        "Planning the harbour tour",
        "demo-harbour",
        (
            ("Ines", "Let us plan the harbour tour for the visitors from Lisbon."),
            ("Tom", "The small ferry leaves every half hour from the old pier."),
            ("Ines", "How many people fit on it?"),
            ("Tom", "Forty, if nobody brings a bicycle."),
            ("Ines", "Good. We should start at the lighthouse, because the light is best in the morning."),
            ("Tom", "Then lunch at the fish market, and the shipyard in the afternoon."),
            ("Ines", "I will ask the shipyard whether we may see the dry dock."),
            ("Tom", "And I book the ferry. If it rains, we take the museum instead."),
            ("Ines", "Agreed. I will send the plan to everybody tonight."),
        ),
    ),
    Conversation(
        "Why the bread did not rise",
        "demo-bread",
        (
            ("Tom", "My bread came out flat again. It did not rise at all."),
            ("Ines", "How warm is your kitchen?"),
            ("Tom", "Rather cold. Sixteen degrees in the morning."),
            ("Ines", "Then the yeast is slow. Give the dough three hours instead of one."),
            ("Tom", "I also changed the flour. It is whole grain now."),
            ("Ines", "Whole grain takes more water. Add two spoons and knead it longer."),
            ("Tom", "And the oven?"),
            ("Ines", "As hot as it gets, with a bowl of water for the steam."),
            ("Tom", "I will try it on Saturday and bring you a slice."),
        ),
    ),
)


def write_conversation(folder: Path, conversation: Conversation) -> tuple[Path, Sequence[Segment]]:
    """Encode the conversation into `folder`, and return its file and its transcript. Blocks."""
    sound, segments = bytearray(), []
    for speaker, text in conversation.lines:
        start = len(sound) / 2 / SAMPLE_RATE
        sound += _speak(folder, VOICES[speaker], text) or _hum(VOICES[speaker], text)
        end = len(sound) / 2 / SAMPLE_RATE
        segments.append(Segment(round(start, 3), round(end, 3), text, speaker, "en"))
        sound += _PAUSE
    blocks = (bytes(sound[at : at + _BLOCK_BYTES]) for at in range(0, len(sound), _BLOCK_BYTES))
    return encode(folder, conversation.native_meeting_id, blocks), tuple(segments)


def _hum(voice: Voice, text: str) -> bytes:
    """A tone for each word, whose pitch depends a little on the word's length."""
    words = (tone(voice.hertz + 10 * (len(word) % 5), _LOUDNESS, _WORD_SAMPLES) for word in text.split())
    return _GAP.join(words)


def _speak(folder: Path, voice: Voice, text: str) -> bytes | None:
    """The text as espeak-ng speaks it; None if it is not installed or fails."""
    program, path = shutil.which("espeak-ng"), folder / "line.wav"
    if program is None:
        return None
    try:
        command = [program, "-v", voice.espeak, "-s", "150", "-w", str(path), text]
        subprocess.run(command, check=True, capture_output=True, timeout=_SPEAK_SECONDS)  # noqa: S603 - texts of our own
        with wave.open(str(path)) as spoken:
            if (spoken.getnchannels(), spoken.getsampwidth()) != (1, 2):
                return None
            return b"".join(_resampled(spoken.readframes(spoken.getnframes()), spoken.getframerate()))
    except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
        return None


def _resampled(sound: bytes, rate: int) -> Iterator[bytes]:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler

    frame = AudioFrame("s16", "mono", len(sound) // 2)
    frame.planes[0].update(sound)
    frame.rate = rate
    resampler = AudioResampler("s16", "mono", SAMPLE_RATE)
    for each in (*resampler.resample(frame), *resampler.resample(None)):
        yield bytes(each.planes[0])[: each.samples * 2]
