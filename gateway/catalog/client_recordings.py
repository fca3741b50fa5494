"""The protocol for API clients: create an empty recording, list recordings by filter and cursor.

A creation with an idempotency key may be repeated. The field names of the HTTP APIs are in gateway/web.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording, RecordingStatus


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
    """A place in a list that is ordered by (created_at, id)."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings to list; None matches any. Both timestamps are exclusive bounds.

    `older_than` is the position at which the previous page ended.
    """

    device_id: str | None = None
    end_user_id: str | None = None
    status: RecordingStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    older_than: Position | None = None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """A page of a list, newest first; `end` is the position of its last recording, None on the last page."""

    recordings: Sequence[Recording]
    end: Position | None


class ClientRecordings(Protocol):
    """Creates recordings that uploads then add media to, and lists them by filter."""

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        """A page, newest first by (created_at, id). A row that cannot be read is left out and logged."""
        ...

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        """Add a pending recording. With a key, the same request within 24 hours returns the first recording again.

        Raises Conflict if the key was used for another request, Invalid for a value that cannot be stored.
        """
        ...
