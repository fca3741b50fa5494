"""What meeting bots send: a session's audio and video, each as chunks that are objects of their own.

A chunk is recorded before it is acknowledged, and its object exists as long as a row names it. A session's `changed` counts
what arrived, and `joined` what its published file has. While they differ, one process at a time joins the chunks again: the
one that holds the newest claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, NewMedia
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


@dataclass(frozen=True, slots=True)
class SessionClaim:
    """A session that this process may join until its lease ends: numbered chunks by number, then the others.

    `chunk_count` is how many numbered chunks a final announced, None if none did.
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
        """The session, to be joined by the caller; None while another has it, or if nothing changed."""

    async def is_joined(self, media_file_id: int) -> bool:
        """Whether everything that arrived was joined; True as well for a session that was deleted."""

    async def list_due_sessions(self, *, limit: int) -> Sequence[int]:
        """The media files of sessions that are due and that nobody has claimed, longest due first."""

    async def extend_claim(self, claim: SessionClaim, *, lease_seconds: float) -> bool:
        """Keep the claim; False if it was lost."""

    async def postpone_session(self, claim: SessionClaim, *, seconds: float) -> None:
        """Give the claim back; the session is due again after `seconds`."""

    async def publish_session(self, claim: SessionClaim, file: SessionFile | None, fault: str | None) -> bool:
        """Make the file the session's own and complete its recording, or record why there is none, in one transaction.

        What is no longer named by any row is queued for deletion. `fault` says what is missing or wrong. False, and
        nothing done, if the claim was lost.
        """
