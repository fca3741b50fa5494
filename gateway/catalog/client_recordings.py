"""The protocol for API clients: create an empty recording, list recordings by filter and cursor.

A creation with an idempotency key may be repeated. The field names of the HTTP APIs are in gateway/web.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaType, Recording, RecordingStatus

# The order of a list; `-` is descending. Equal recordings are ordered by (created_at, id), in the same direction.
RecordingSort = Literal["-created_at", "created_at", "-duration", "duration", "-type", "type", "-status", "status"]


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording without media, as its client describes it; `metadata` is the text of a JSON object."""

    name: str | None = None
    device_id: str | None = None
    end_user_id: str | None = None
    metadata: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The `text` that a client sends to make a request repeatable, and the SHA-256 `digest` of that request."""

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a list ordered by `sort`. `value` is the sort key as text; empty if that is created_at."""

    created_at: datetime
    id: int
    sort: RecordingSort = "-created_at"
    value: str = ""


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings to list; None matches any. Both timestamps are exclusive bounds, both durations inclusive.

    `type` is what a recording plays as: video if it has any, else audio, else image. `older_than` is the position at which
    the previous page of the same sort ended.
    """

    device_id: str | None = None
    end_user_id: str | None = None
    status: RecordingStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    type: MediaType | None = None
    min_duration_seconds: float | None = None
    max_duration_seconds: float | None = None
    sort: RecordingSort = "-created_at"
    older_than: Position | None = None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """A page of a list; `end` is the position of its last recording, None on the last page."""

    recordings: Sequence[Recording]
    end: Position | None


class ClientRecordings(Protocol):
    """Creates recordings that uploads then add media to, and lists them by filter."""

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        """A page in the order of `wanted.sort`; recordings of unknown duration come last.

        A row that cannot be read is left out and logged.
        """

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        """Add a pending recording. With a key, the same request within 24 hours returns the first recording again.

        Raises Conflict if the key was used for another request, Invalid for a value that cannot be stored.
        """
