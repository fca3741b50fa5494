"""The protocols of a move from Vexa: `VexaSource` reads Vexa's database, `MoveTarget` writes ours.

A note is kept of everything that is moved, under its identity (a digest of the columns that Vexa never changes). A
second run therefore finds it again, and what was deleted here since stays deleted.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from gateway.catalog.meetings import Segment
from gateway.catalog.owners import Scope
from gateway.catalog.recordings import MediaFile, NewMedia, RecordingSource, RecordingStatus

# moved: written now. here: as an earlier run left it, or changed here since. deleted: moved earlier, deleted here since.
# taken: something else here has the id.
MoveOutcome = Literal["moved", "here", "deleted", "taken"]


class UserOutcome(NamedTuple):
    """The id of the user here. It is None if the user was left out, and `refusal` then says why.

    `existed`: the address was known here before any move, under another id.
    """

    user_id: int | None
    outcome: MoveOutcome
    refusal: str | None = None
    existed: bool = False


class SegmentsOutcome(NamedTuple):
    """How many segments were written, and how many were already here."""

    moved: int
    here: int


@dataclass(frozen=True, slots=True)
class UserMove:
    """A user of Vexa."""

    vexa_id: int
    email: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyMove:
    """A key of Vexa: its SHA-256 digest and what may be shown of it, never its text."""

    digest: bytes
    prefix: str
    name: str | None
    scopes: frozenset[Scope]
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class MeetingMove:
    """A meeting of Vexa."""

    id: int
    identity: bytes
    platform: str
    native_meeting_id: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class SegmentMove:
    """A segment of Vexa; `position` is the id of its row, which never changes."""

    position: int
    segment: Segment


@dataclass(frozen=True, slots=True)
class RecordingMove:
    """A recording of Vexa."""

    id: int
    identity: bytes
    meeting_id: int | None
    session_uid: str | None
    source: RecordingSource
    status: RecordingStatus
    error_message: str | None
    created_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MediaMove:
    """A media file of Vexa with its object as measured; `missing` if the storage backend has no such object."""

    id: int
    recording_id: int
    media: NewMedia
    missing: bool
    created_at: datetime


class VexaSource(Protocol):
    """A Vexa database in one read-only snapshot. Rows are JSON objects; a column that this Vexa lacks is absent."""

    @property
    def tables(self) -> Mapping[str, frozenset[str]]:
        """The columns of each table that exists."""

    async def users(self) -> Sequence[Mapping[str, Any]]:
        """All of them, by id."""

    async def tokens(self, user_id: int) -> Sequence[Mapping[str, Any]]: ...

    async def count_meetings(self) -> int: ...

    def meetings(self, user_id: int | None = None) -> AsyncGenerator[Sequence[Mapping[str, Any]], None]:
        """The meetings of a user, or all, by id, in batches. `data` is absent where it is not a JSON object."""

    async def sessions(self, meeting_id: int) -> Sequence[Mapping[str, Any]]: ...

    async def segments(self, meeting_id: int) -> Sequence[Mapping[str, Any]]:
        """All of them, by id."""

    async def count_segments(self, meeting_id: int) -> int: ...

    async def table_recordings(self) -> Sequence[Mapping[str, Any]]:
        """The rows of `recordings` by id, each with its rows of `media_files` as a list under that name."""


class MoveTarget(Protocol):
    """Our side of a move. Each method keeps a note of what it wrote."""

    def transaction(self, recordings: Collection[int] = ()) -> AbstractAsyncContextManager[object]:
        """Everything that is written in the block becomes visible together. The block may change these recordings."""

    async def move_user(self, user: UserMove) -> UserOutcome: ...

    async def move_key(self, user_id: int, key: KeyMove) -> MoveOutcome: ...

    async def other_keys(self, user_id: int, digests: Sequence[bytes]) -> Sequence[str]:
        """The visible prefixes of the valid keys that earlier runs moved for this user, without the keys in `digests`."""

    async def move_meeting(self, user_id: int, meeting: MeetingMove) -> MoveOutcome: ...

    async def has_meeting(self, identity: bytes) -> bool:
        """Whether an earlier run moved this meeting and it still exists here."""

    async def move_segments(self, meeting_id: int, segments: Sequence[SegmentMove]) -> SegmentsOutcome:
        """Add and update segments, unless they were changed here since an earlier run."""

    async def move_recording(self, user_id: int, recording: RecordingMove) -> MoveOutcome: ...

    async def has_recording(self, identity: bytes) -> bool:
        """Whether an earlier run moved this recording and it still exists here."""

    async def find_media(self, ids: Sequence[int]) -> Mapping[int, MediaFile]: ...

    async def move_media(self, media: MediaMove) -> MoveOutcome:
        """Add the file, or update it if its object was missing or has changed.

        The outcome is also `taken` if another media file has the object, or the object is queued for deletion here.
        """
