"""Recordings as API clients keep them: made empty, listed by filter and cursor.

Knows: filters, pages, and requests that may be repeated. Refuses to know: a dialect's words for any of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording, RecordingStatus


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording that has no media yet, in its client's words; `metadata` is the text of a JSON object."""

    name: str | None = None
    device_id: str | None = None
    end_user_id: str | None = None
    metadata: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's name for one request, so that it may be repeated; the digest (SHA-256) is of the request."""

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list that is ordered by (created_at, id)."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings are meant, None being any. Of the moments, neither is meant itself.

    `older_than` is where the page before ended.
    """

    device_id: str | None = None
    end_user_id: str | None = None
    status: RecordingStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    older_than: Position | None = None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """A page of a list, newest first; `end` is where it ends, None if nothing follows."""

    recordings: Sequence[Recording]
    end: Position | None


class ClientRecordings(Protocol):
    """Recordings as API clients keep them: made empty, given media by uploads, listed by filter."""

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        """A page, newest first by (created_at, id). A row that cannot be read is left out and logged."""
        ...

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        """Add a pending recording; with a key, the same request again within 24 hours returns the first answer.

        Raises Conflict if the key was used for another request, Invalid for what cannot be stored.
        """
        ...
