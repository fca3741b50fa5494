"""Meetings, their transcripts, and the recordings made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech, in seconds from `counted_from_at`: the start of the meeting, or of the bot's session in it.

    `counted_from_at` is None where that moment is not known. `segment_id` is the transcriber's own id of the segment.
    """

    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None = None
    language: str | None = None
    counted_from_at: datetime | None = None
    segment_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting on a platform like `google_meet`; `native_meeting_id` is what the platform calls it."""

    id: int
    owner: Owner
    platform: str
    native_meeting_id: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """A meeting with its segments, in order of time, and its recordings, newest first."""

    meeting: Meeting
    segments: tuple[Segment, ...]
    recordings: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """The meeting that an import belongs to: the newest with this platform and native id, created if absent."""

    platform: str
    native_meeting_id: str
    segments: Sequence[Segment] = ()
