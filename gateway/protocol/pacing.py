"""How fast a media element is sent a recording: a burst, then a multiple of the recording's own byte rate.

WebKit's elements take all of a recording as fast as it comes, and seek away from most of it. Each answer to them has a
token bucket of bytes, which is full when the answer begins, so that a seek waits for nothing:

    sent until t seconds  >=  burst + multiple * rate * t

Containers keep their indexes in the first or the last bytes of a file, and nothing plays without them: those bytes cost no
tokens. Pure: the time is an argument.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

STEP_SECONDS: Final = 0.25
"""A paced answer pauses for this long at most, and then goes on with what has gathered meanwhile."""

# A recording's rate varies: silence and a still screen need next to nothing, speech and moving pictures several times the
# average. No player is sent less than these, in bytes a second: twice the rate of good sound, and of a 1080p screen.
_LEAST_SOUND_RATE: Final = 40 * 1024
_LEAST_VIDEO_RATE: Final = 512 * 1024

# WebKitGTK disconnects when 2% of a file wait in it, and asks for the next byte when these are decoded, which is
# immediately: each burst would be followed by another. So a burst is this part of a recording at most.
_WEBKIT_BURSTS: Final = 64
# A player begins to read a cluster of WebM before the position that it seeks to, and discards what is before the position.
_CLUSTERED: Final = frozenset({"mka", "mkv", "webm"})
_CLUSTER_SECONDS: Final = 5
# Chromium also begins a group of pictures before the position.
_LEAST_BURST_BYTES: Final = 1024 * 1024

# An index of MP4 has 200 to 600 bytes for each second of a recording; pictures of covers are about as large as the minimum.
_INDEX_BYTES_A_SECOND: Final = 512
_LEAST_INDEX_BYTES: Final = 256 * 1024

# The formats in which an element finds a position by an index, or in a search of steps that are shorter than a burst. A
# slow answer would make a slow seek in the others. GStreamer, in WebKitGTK, has an index of an MP3, a FLAC or an AAC file
# as far as it has read it, and reads on from there up to a position that is further (docs/browsers.md). It does not seek
# in an MP4 of fragments without an index; Safari, which could not be measured, may read such a file up to the position.
# (Firefox reads on to a position ahead of it, however slow the answer, and is never paced.)
_INDEXED: Final = frozenset({"mka", "mkv", "wav", "webm"})
_MP4: Final = frozenset({"m4a", "mov", "mp4"})
_FORMATS: Final[Mapping[str, frozenset[str]]] = {
    "safari": _INDEXED,
    "webkitgtk": _INDEXED | _MP4 | {"ogg"},
    "chromium": _INDEXED | _MP4 | {"mp3"},
}

_ELEMENTS: Final = frozenset({"audio", "video"})

Element = Literal["safari", "webkitgtk", "chromium"]
WEBKIT: Final[frozenset[Element]] = frozenset({"safari", "webkitgtk"})


class PaceRule(NamedTuple):
    """What is set: whose answers are paced, the seconds of a recording in a burst, and how many times its rate follows."""

    elements: frozenset[Element]
    burst_seconds: float
    multiple: float


class Sound(NamedTuple):
    """What a pace depends on: a file of `size` bytes."""

    size: int
    format: str
    duration_seconds: float | None
    has_video: bool


class SendingPace(NamedTuple):
    """The bucket of one answer: its size, and its bytes a second. Bytes before `index_end` and from `tail` on are free."""

    burst: int
    bytes_per_second: float
    index_end: int
    tail: int

    @property
    def step(self) -> float:
        """The bytes of one pause."""
        return self.bytes_per_second * STEP_SECONDS


class Bucket(NamedTuple):
    """The tokens that a bucket had at this time, in bytes and seconds."""

    tokens: float
    at: float


def media_element(fields: Mapping[str, str]) -> Element | None:
    """Which media element sent a request with these header fields (names in any case); None if it is never paced.

    Fetch Metadata says so (`Sec-Fetch-Dest`). Browsers send that to HTTPS and to this machine only, and Safari since
    16.4; without it, Safari and WebKit are recognised by what nothing else of theirs sends. What a CDN or a cache asks
    for (RFC 8586, RFC 9110 section 7.6.3) is read by many.
    """
    if "CDN-Loop" in fields or "Via" in fields:
        return None
    agent = fields.get("User-Agent", "")
    by_apple = agent.startswith("AppleCoreMedia/")
    is_webkit = by_apple or ("AppleWebKit/" in agent and "Chrome/" not in agent)
    destination = fields.get("Sec-Fetch-Dest")
    if destination is not None:
        is_element = destination in _ELEMENTS
    else:
        is_element = by_apple or (is_webkit and ("X-Playback-Session-Id" in fields or "Icy-Metadata" in fields))
    if not is_element or "Firefox/" in agent:
        return None
    if not is_webkit:
        return "chromium"
    return "webkitgtk" if "Linux" in agent else "safari"


def pace_of(rule: PaceRule, element: Element, sound: Sound) -> SendingPace | None:
    """The pace of an answer to this element; None if it is sent as fast as it reads.

    That is so where a slow answer would make a slow seek, and where the duration, and with it the rate, is unknown.
    """
    size, duration = sound.size, sound.duration_seconds
    if element not in rule.elements or sound.format not in _FORMATS[element] or duration is None or duration <= 0:
        return None
    rate = size / duration
    sent = max(rate * rule.multiple, _LEAST_VIDEO_RATE if sound.has_video else _LEAST_SOUND_RATE)
    burst = rate * rule.burst_seconds
    burst = min(burst, size / _WEBKIT_BURSTS) if element in WEBKIT else max(burst, _LEAST_BURST_BYTES)
    if sound.format in _CLUSTERED:
        burst += rate * _CLUSTER_SECONDS
    index = max(int(duration * _INDEX_BYTES_A_SECOND), _LEAST_INDEX_BYTES)
    return SendingPace(int(burst + sent * STEP_SECONDS), sent, index, size - index)


def full_bucket(pace: SendingPace, now: float) -> Bucket:
    """The bucket of an answer that begins."""
    return Bucket(pace.burst, now)


def grant(pace: SendingPace, bucket: Bucket, offset: int, wanted: int, now: float) -> tuple[int, Bucket]:
    """How many of the `wanted` bytes from `offset` on may be sent now, and what the bucket has then.

    None may, rather than a few: the bytes of one pause at least, or all that are wanted.
    """
    tokens = min(bucket.tokens + max(now - bucket.at, 0) * pace.bytes_per_second, pace.burst)
    end = max(offset, pace.index_end) + int(tokens)
    granted = wanted if end >= pace.tail else min(wanted, end - offset)
    if granted < min(wanted, int(pace.step)):
        return 0, Bucket(tokens, now)
    spent = max(min(offset + granted, pace.tail) - max(offset, pace.index_end), 0)
    return granted, Bucket(tokens - spent, now)


def pause_seconds(pace: SendingPace, bucket: Bucket) -> float:
    """How long an answer that was granted nothing pauses."""
    return max(pace.step - bucket.tokens, 0) / pace.bytes_per_second
