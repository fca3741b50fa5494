"""Receives the chunks that meeting bots send while they record.

A chunk is acknowledged once its object is stored and its row is committed. Chunks are ordered by number, not by
arrival. A final (the chunk that closes the session) only says that no more is expected: the session is joined from the
chunks that have arrived, and joined again when more arrive.

    the stored bytes, or the first of them      a repetition: ignored
    more bytes, beginning with the stored ones  replace them
    other bytes under the same number           409; a final with number 0 is stored as a file without a number instead
    no bytes                                    nothing is stored; a final closes the session
"""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from gateway.catalog import (
    Arrival,
    MediaType,
    NewChunk,
    NewUpload,
    Owner,
    Recording,
    SessionUploads,
    StoredChunk,
    UploadSession,
)
from gateway.errors import Conflict, Fault, Invalid
from gateway.uploads.joining.chunk_headers import container_of
from gateway.uploads.joining.pieces import PiecedObject
from gateway.uploads.media_uploads import Uploads
from gateway.uploads.quota import counted
from gateway.uploads.session_joiner import Outcome, SessionJoiner
from gateway.uploads.session_objects import WrittenObject, expect_object, require_writable, write_object
from storage_adapters.base import StorageAdapter
from storage_adapters.resumable import Piece

# A chunk that arrives after its session was closed is joined before it is acknowledged if the session has at most this
# many bytes, and soon afterwards if it has more.
_JOINED_WHILE_WAITING_BYTES: Final = 64 * 1024 * 1024
_SOON_SECONDS: Final = 2.0
# The digest of chunks that an older gateway received.
_UNKNOWN_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a session's audio or video. `number` counts from 0; None if the bot gave none. `is_last` marks a final."""

    session_uid: str
    type: MediaType
    number: int | None
    is_last: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Receives and stores chunks. A session that receives nothing for `silence_seconds` is joined."""

    uploads: Uploads
    catalog: SessionUploads
    joiner: SessionJoiner
    silence_seconds: float

    async def ensure_session(self, owner: Owner, chunk: Chunk) -> UploadSession:
        """The chunk's session; it and its recording are created for the first chunk.

        Raises Invalid, or Conflict if the default storage backend is read-only.
        """
        require_writable(self.uploads.default.adapter)
        upload = NewUpload(chunk.type, self.uploads.default.name)
        return await self.catalog.ensure_session(
            owner, chunk.session_uid, upload, self.uploads.limits, due_in_seconds=self.silence_seconds
        )

    def remaining_bytes(self, session: UploadSession) -> int:
        """How many more bytes the session may receive."""
        return max(self.uploads.max_file_bytes - session.received_bytes, 0)

    async def receive(
        self, owner: Owner, session: UploadSession, chunk: Chunk, body: AsyncGenerator[bytes, None]
    ) -> Recording:
        """Store the chunk and return its recording.

        Raises Conflict if other bytes have the chunk's number or the storage backend is read-only, Invalid if a final
        cannot be played or the account would hold too much, or StorageError.
        """
        first = await anext(body, b"")
        stored = None
        if first:
            resumed = _resumed(first, body)
            async with counted(resumed, self.uploads.reservations, owner, self.uploads.limits) as counted_chunks:
                written = await self._write(owner, session, counted_chunks)
            stored = await self._store(session, chunk, *written)
        if chunk.is_last and stored is None:
            await self.catalog.close_session(session.media.id, chunk_count=chunk.number or None)
        outcome = None
        if chunk.is_last or self._is_joined_now(session):
            outcome = await self.joiner.finish(session.media.id)
        recording = await self.uploads.find_recording(owner, session.media.recording_id)
        if first and chunk.is_last and (reason := _refusal(chunk, stored, outcome, recording)):
            await self._refuse(stored, reason)
        return recording

    @staticmethod
    def _is_joined_now(session: UploadSession) -> bool:
        return session.is_closed and session.received_bytes <= _JOINED_WHILE_WAITING_BYTES

    async def _write(
        self, owner: Owner, session: UploadSession, body: AsyncIterable[bytes]
    ) -> tuple[str, WrittenObject]:
        """Write the chunk as an object and return the object's key."""
        adapter = self.uploads.adapter(session.media)
        key = await expect_object(self.catalog, owner, session.media, adapter)
        return key, await write_object(adapter, key, body)

    async def _store(
        self, session: UploadSession, chunk: Chunk, key: str, written: WrittenObject
    ) -> StoredChunk | None:
        """Record the chunk and return its row; None for a repetition, whose object is deleted."""
        adapter = self.uploads.adapter(session.media)
        number = 0 if chunk.number is None and not session.received_bytes else chunk.number
        new = NewChunk(number, written.size, written.digest, container_of(written.head), key)
        stored = await self._record(session, chunk, new)
        if stored.digest != new.digest:
            stored = await self._settle(adapter, session, chunk, new, stored)
        if stored.object_key == key:
            return stored
        await self.catalog.expect_object(session.media.storage, key, seconds=0)
        return None

    async def _record(
        self, session: UploadSession, chunk: Chunk, new: NewChunk, replaces: int | None = None
    ) -> StoredChunk:
        due = self.silence_seconds
        if chunk.is_last or session.is_closed:
            due = _SOON_SECONDS
        arrival = Arrival(closes=chunk.is_last, due_in_seconds=due)
        return await self.catalog.record_chunk(session, new, arrival, self.uploads.limits, replaces=replaces)

    async def _settle(
        self, adapter: StorageAdapter, session: UploadSession, chunk: Chunk, new: NewChunk, stored: StoredChunk
    ) -> StoredChunk:
        """Record, ignore or refuse a chunk whose number was recorded with other bytes before. Raises Conflict."""
        if not new.number and (chunk.is_last or chunk.number is None):
            return await self._record(session, chunk, replace(new, number=None))
        if stored.digest == _UNKNOWN_DIGEST:
            return stored
        if stored.object_size == stored.size and await _begin_alike(adapter, new, stored):
            if new.size <= stored.size:
                return stored
            found = await self._record(session, chunk, new, stored.id)
            # The stored chunk may have been joined or replaced meanwhile.
            return found if found.digest == new.digest else await self._settle(adapter, session, chunk, new, found)
        raise Conflict(f"Chunk {new.number} arrived before with other bytes")

    async def _refuse(self, stored: StoredChunk | None, reason: str) -> NoReturn:
        """Raise Invalid. A chunk with a file header is kept, because it may begin a file that plays; any other is removed."""
        if stored is not None and stored.container is not None:
            await self.catalog.set_chunk_aside(stored.id)
        elif stored is not None:
            await self.catalog.forget_chunk(stored.id)
        raise Invalid(Fault("upload", ("body", "file"), reason))


def _refusal(chunk: Chunk, stored: StoredChunk | None, outcome: Outcome | None, recording: Recording) -> str | None:
    """Why a final is refused, or None: it cannot be read, or it has no number above 0 and the recording failed."""
    if stored is not None and outcome is not None and stored.id in outcome.refused:
        return outcome.refused[stored.id]
    return recording.error_message if not chunk.number and recording.status == "failed" else None


async def _resumed(first: bytes, rest: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk


async def _begin_alike(adapter: StorageAdapter, new: NewChunk, stored: StoredChunk) -> bool:
    """Whether the longer chunk begins with the bytes of the shorter one."""
    shorter, longer = (new, stored) if new.size < stored.size else (stored, new)
    beginning = PiecedObject(adapter, [Piece(longer.object_key, 0, shorter.size)])
    return await beginning.digest(0, shorter.size) == shorter.digest
