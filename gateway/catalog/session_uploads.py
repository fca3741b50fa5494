"""The protocols of what meeting bots send: a session's audio and video, in chunks that are each stored as an object.

A chunk is recorded before it is acknowledged, and its object exists as long as a row names it. A session's `changed`
counts the chunks and finals that arrived, and `joined` those that its published file contains. While they differ, the
process with the newest claim joins the chunks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, NewMedia
from gateway.catalog.uploads import NewUpload, UploadLimits


@dataclass(frozen=True, slots=True)
class UploadSession:
    """A session's media file, pending or published, and the total size of its chunks. A final closes the session."""

    owner: Owner
    media: MediaFile
    is_closed: bool
    received_bytes: int


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk that was written as an object of its own; `digest` is the SHA-256 of its bytes.

    `number` is None if the bot gave none. `container` is the kind of file that begins with the chunk; None means that
    the chunk continues the file of an earlier one.
    """

    number: int | None
    size: int
    digest: bytes
    container: str | None
    object_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk(NewChunk):
    """A recorded chunk. Ids ascend in the order of arrival; chunks that were joined share one object.

    `closes` says that the bot sent the chunk as a final.
    """

    id: int
    object_size: int
    closes: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a chunk changes its session: whether it `closes` the session, and in how many seconds the session is due."""

    closes: bool
    due_in_seconds: float


class SessionUploads(Protocol):
    """The sessions of meeting bots."""

    async def ensure_session(
        self, owner: Owner, session_uid: str, upload: NewUpload, limits: UploadLimits, *, due_in_seconds: float
    ) -> UploadSession:
        """The session's media file of the type `upload.type`; the file and its recording are created if absent.

        A new session is due in `due_in_seconds`, even if no chunk arrives. Raises Invalid if a limit is reached.
        """

    async def expect_object(self, storage: str, object_key: str, *, seconds: float) -> None:
        """Queue an object that is about to be written for deletion in `seconds`. Recording it removes it from the queue."""

    async def record_chunk(
        self,
        session: UploadSession,
        chunk: NewChunk,
        arrival: Arrival,
        limits: UploadLimits,
        *,
        replaces: int | None = None,
    ) -> StoredChunk:
        """Record the chunk and return its row. The row `replaces` is removed, unless it was joined meanwhile.

        If a chunk of the same number (without a number: of the same bytes) is recorded already, nothing is added and
        that row is returned; if the bytes are the same and the chunk closes the session, the session is closed all the
        same. Raises Invalid if the account would hold too much, NotFound if the session was deleted, Unavailable if the
        object is being deleted.
        """

    async def close_session(self, media_file_id: int, *, chunk_count: int | None) -> None:
        """Close the session without a chunk; `chunk_count` is the number of chunks that the final announces."""

    async def forget_chunk(self, chunk_id: int) -> None:
        """Remove the row of a refused chunk, and queue its object for deletion."""

    async def set_chunk_aside(self, chunk_id: int) -> None:
        """Keep a refused chunk without its number, so that another chunk may have that number."""


@dataclass(frozen=True, slots=True)
class SessionClaim:
    """A session that this process may join until its lease ends.

    `chunks` are ordered by number; those without a number come last.
    `chunk_count` is the number of chunks that a final announced, None if none did.
    """

    lease: int
    changed: int
    owner: Owner
    media: MediaFile
    chunk_count: int | None
    chunks: tuple[StoredChunk, ...]


@dataclass(frozen=True, slots=True)
class SessionFile:
    """The verified object that a session's chunks became, and the chunks that it contains whole."""

    found: NewMedia
    contains: tuple[int, ...]


class SessionJoins(Protocol):
    """The sessions that are to be joined."""

    async def claim_session(self, media_file_id: int, *, lease_seconds: float) -> SessionClaim | None:
        """Claim the session for the caller; None while another process has claimed it, or if nothing changed."""

    async def is_joined(self, media_file_id: int) -> bool:
        """Whether all chunks that arrived are joined; also True for a session that was deleted."""

    async def list_due_sessions(self, *, limit: int) -> Sequence[int]:
        """The ids of the media files of sessions that are due and not claimed; the longest due first."""

    async def extend_claim(self, claim: SessionClaim, *, lease_seconds: float) -> bool:
        """Extend the claim's lease; False if the claim was lost."""

    async def postpone_session(self, claim: SessionClaim, *, seconds: float) -> None:
        """Release the claim; the session is due again in `seconds`."""

    async def publish_session(self, claim: SessionClaim, file: SessionFile | None, fault: str | None) -> bool:
        """In one transaction, publish the file and complete its recording, or record why there is no file.

        Objects that no row names any more are queued for deletion. `fault` says what is missing or wrong. If the claim
        was lost, nothing is done and False is returned.
        """
