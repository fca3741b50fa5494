"""What meeting bots send: a session's audio and video, each as chunks that are objects of their own.

A chunk is recorded before it is acknowledged, and its object exists as long as a row names it.
"""

from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile
from gateway.catalog.uploads import NewUpload, UploadLimits


@dataclass(frozen=True, slots=True)
class UploadSession:
    """A session's media file, pending or published, and how many bytes its chunks have. `is_closed` after a final."""

    media: MediaFile
    is_closed: bool
    received_bytes: int


@dataclass(frozen=True, slots=True)
class NewChunk:
    """An object that holds a chunk. `digest` is the SHA-256 of its bytes.

    `number` is None where the bot gave none. `container` is the kind of file that begins with the chunk, None for a
    chunk that continues what came before it.
    """

    number: int | None
    size: int
    digest: bytes
    container: str | None
    object_key: str


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A recorded chunk; several share an object once they were joined. Rows have ascending ids as they arrive.

    `closes` says that it came as a final.
    """

    id: int
    number: int | None
    size: int
    digest: bytes
    container: str | None
    object_key: str
    object_size: int
    closes: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a chunk's arrival changes its session: `closes` it, and whether it is due now or after a silence."""

    closes: bool
    due_in_seconds: float


class SessionUploads(Protocol):
    """The sessions of meeting bots."""

    async def ensure_session(
        self, owner: Owner, session_uid: str, upload: NewUpload, limits: UploadLimits, *, due_in_seconds: float
    ) -> UploadSession:
        """The session's file that the bot calls `upload.type`, made with its recording if absent.

        A new one is due in `due_in_seconds`, also if nothing arrives. Raises Invalid if a limit is reached.
        """

    async def expect_object(self, storage: str, object_key: str, *, seconds: float) -> None:
        """Queue an object for deletion after `seconds`, unless it is recorded until then: it is about to be written."""

    async def record_chunk(
        self,
        media_file_id: int,
        chunk: NewChunk,
        arrival: Arrival,
        limits: UploadLimits,
        *,
        replaces: int | None = None,
    ) -> StoredChunk:
        """Record the chunk, also in place of the row `replaces` unless that was joined meanwhile; its row.

        If its number, or without one its very bytes, are recorded already, that row, and nothing is added; but the
        session is closed if the chunk closes it and the bytes are the same. Raises Invalid if the account would hold
        too much, NotFound if the session was deleted, Unavailable if the object is being deleted.
        """

    async def close_session(self, media_file_id: int, *, chunk_count: int | None) -> None:
        """Close the session without a chunk; `chunk_count` is how many numbered ones the final announces."""

    async def forget_chunk(self, chunk_id: int) -> None:
        """Remove a chunk that is refused, and queue its object."""

    async def set_chunk_aside(self, chunk_id: int) -> None:
        """Take the number of a chunk that is refused, and keep it: another chunk may have the number."""
