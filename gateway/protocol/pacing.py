"""Decides how fast a recording is sent to a media element: a burst, then a multiple of the recording's own byte rate.

WebKit's elements read a whole recording as fast as it arrives, although they seek past most of it. Each response to them
therefore has a token bucket of bytes. It is full when the response begins, so that a seek does not wait:

    sent until t seconds  >=  burst + multiple * rate * t

Containers have their indexes in the first or the last bytes of a file, and no player plays without them: those bytes cost
no tokens. Pure: the time is an argument.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

STEP_SECONDS: Final = 0.25
"""A paced response pauses for at most this long, and then continues with the tokens that have accumulated."""

# A recording's rate varies: silence and a still screen need almost no bytes, speech and moving pictures several times the
# average. Every player gets at least these rates, in bytes a second: twice the rate of good sound, and of a 1080p screen.
_LEAST_SOUND_RATE: Final = 40 * 1024
_LEAST_VIDEO_RATE: Final = 512 * 1024

# WebKitGTK disconnects when it has buffered 2 % of a file, and requests the next byte once these are decoded, which is
# immediately: each burst would be followed by another. A burst is therefore at most this part of a recording.
_WEBKIT_BURSTS: Final = 64
# A player begins to read a cluster of WebM before the position that it seeks to, and discards what is before the position.
_CLUSTERED: Final = frozenset({"mka", "mkv", "webm"})
_CLUSTER_SECONDS: Final = 5
# Chromium also begins a group of pictures before the position.
_LEAST_BURST_BYTES: Final = 1024 * 1024

# An index of MP4 has 200 to 600 bytes for each second of a recording; cover pictures are about as large as the minimum.
_INDEX_BYTES_A_SECOND: Final = 512
_LEAST_INDEX_BYTES: Final = 256 * 1024

# The formats in which an element finds a position by an index, or by a search in steps that are shorter than a burst. In
# other formats a slow response makes the seek slow. GStreamer, in WebKitGTK, has an index of an MP3, a FLAC or an AAC file
# as far as it has read it, and reads on from there up to a later position (docs/browsers.md). It does not seek in an MP4
# of fragments without an index; Safari, which could not be measured, may read such a file up to the position. (Firefox
# reads up to a position ahead of it, however slow the response is, and is never paced.)
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
    """The settings: the elements that are paced, the seconds of a recording in a burst, and the multiple of its rate."""

    elements: frozenset[Element]
    burst_seconds: float
    multiple: float


class PacedFile(NamedTuple):
    """The properties of a file that its pace depends on; `size` is in bytes."""

    size: int
    format: str
    duration_seconds: float | None
    has_video: bool


class SendingPace(NamedTuple):
    """The pace of one response: the bucket's size, and its bytes a second.

    Bytes before the offset `index_end`, and from the offset `tail` on, cost no tokens.
    """

    burst: int
    bytes_per_second: float
    index_end: int
    tail: int

    @property
    def step(self) -> float:
        """The bytes that accumulate in one pause."""
        return self.bytes_per_second * STEP_SECONDS


class Bucket(NamedTuple):
    """The tokens (bytes) that a bucket had at the time `at` (seconds)."""

    tokens: float
    at: float


def media_element(fields: Mapping[str, str]) -> Element | None:
    """The media element that sent a request with these header fields (names in any case); None if it is never paced.

    Fetch Metadata names the element (`Sec-Fetch-Dest`). Browsers send it only to HTTPS and to this machine, Safari since
    16.4; without it, Safari and WebKit are recognised by fields that only their media elements send. Requests of a CDN or
    a cache (RFC 8586, RFC 9110 section 7.6.3) are never paced, because many clients read the response.
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


def pace_of(rule: PaceRule, element: Element, file: PacedFile) -> SendingPace | None:
    """The pace of a response to this element; None if the response is sent as fast as the element reads.

    The response is not paced if that would make seeks slow, or if the duration, and therefore the rate, is unknown.
    """
    size, duration = file.size, file.duration_seconds
    if element not in rule.elements or file.format not in _FORMATS[element] or duration is None or duration <= 0:
        return None
    rate = size / duration
    sent = max(rate * rule.multiple, _LEAST_VIDEO_RATE if file.has_video else _LEAST_SOUND_RATE)
    burst = rate * rule.burst_seconds
    burst = min(burst, size / _WEBKIT_BURSTS) if element in WEBKIT else max(burst, _LEAST_BURST_BYTES)
    if file.format in _CLUSTERED:
        burst += rate * _CLUSTER_SECONDS
    index = max(int(duration * _INDEX_BYTES_A_SECOND), _LEAST_INDEX_BYTES)
    return SendingPace(int(burst + sent * STEP_SECONDS), sent, index, size - index)


def full_bucket(pace: SendingPace, now: float) -> Bucket:
    """The bucket of a response that begins."""
    return Bucket(pace.burst, now)


def grant(pace: SendingPace, bucket: Bucket, offset: int, wanted: int, now: float) -> tuple[int, Bucket]:
    """How many of the `wanted` bytes from `offset` on may be sent now, and the bucket after that.

    The result is 0 if less than the bytes of one pause, and less than all wanted ones, may be sent.
    """
    tokens = min(bucket.tokens + max(now - bucket.at, 0) * pace.bytes_per_second, pace.burst)
    end = max(offset, pace.index_end) + int(tokens)
    granted = wanted if end >= pace.tail else min(wanted, end - offset)
    if granted < min(wanted, int(pace.step)):
        return 0, Bucket(tokens, now)
    spent = max(min(offset + granted, pace.tail) - max(offset, pace.index_end), 0)
    return granted, Bucket(tokens - spent, now)


def pause_seconds(pace: SendingPace, bucket: Bucket) -> float:
    """How long a response pauses after it was granted 0 bytes."""
    return max(pace.step - bucket.tokens, 0) / pace.bytes_per_second
