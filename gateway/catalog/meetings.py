"""Meetings: what was said in them, and what was recorded of it.

Knows: platforms by name. Refuses to know: how a meeting is joined or transcribed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; `start_seconds` and `end_seconds` count from the meeting's start."""

    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting on a platform, as the meeting-bot world knows it."""

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
    """A meeting with what was said in it and what was recorded of it (newest recording first)."""

    meeting: Meeting
    segments: tuple[Segment, ...]
    recordings: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """Which meeting an import belongs to; found by platform and native id, made if absent."""

    platform: str
    native_meeting_id: str
    segments: Sequence[Segment] = field(default=())
