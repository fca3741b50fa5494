"""How an uploaded object appears: no database connection is held meanwhile, and a deletion in the meantime wins."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, cast

import asyncpg
import pytest

from gateway.catalog import MediaFile, NewUpload, Owner, UploadLimits
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.upload_reservations import PgUploadReservations
from gateway.db.upload_writers import PgUploadWriters
from gateway.db.uploads import PgUploads
from gateway.errors import Fault, Invalid, NotFound
from gateway.storage import Storage
from gateway.uploads.completion import Completion
from gateway.uploads.media_uploads import Uploads
from storage_adapters.base import AccessDenied
from storage_adapters.memory import MemoryStorage, MemoryWriter

ADD_RECORDING: Final = """
    INSERT INTO recordings (user_id, live, source, status) VALUES ($1, true, 'upload', 'pending') RETURNING id
"""


class Watched(MemoryStorage):
    """Counts the connections that are in use when an object is about to appear; `first` is executed before it does."""

    def __init__(self, pool: asyncpg.Pool, first: str = "SELECT 1") -> None:
        super().__init__()
        self._pool = pool
        self._first = first
        self.connections_held = -1

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[MemoryWriter, None]:
        async with super().create(key, content_type=content_type) as writer:
            yield writer
            self.connections_held = self._pool.get_size() - self._pool.get_idle_size()
            await self._pool.execute(self._first)


async def body() -> AsyncGenerator[bytes, None]:
    yield b"sound"


async def promised(pool: asyncpg.Pool, adapter: Watched) -> tuple[Uploads, Owner, MediaFile]:
    storages = {"watched": Storage("watched", "memory", adapter)}
    uploads = Uploads(
        catalog=PgRecordingCatalog(pool),
        pending=PgUploads(pool),
        writers=PgUploadWriters(pool),
        reservations=PgUploadReservations(pool),
        storages=storages,
        default=storages["watched"],
        limits=UploadLimits(10, 1_000),
        verification=cast("Any", None),
    )
    owner = Owner(await PgApiKeys(pool).ensure_user("owner@example.org"))
    recording_id = await pool.fetchval(ADD_RECORDING, owner.user_id)
    return uploads, owner, await uploads.promise(owner, recording_id, NewUpload("audio", "watched"))


async def test_no_connection_is_held_while_an_object_appears(pool: asyncpg.Pool) -> None:
    adapter = Watched(pool)
    uploads, owner, media = await promised(pool, adapter)
    async with uploads.writing(owner, media) as turn:
        stat = await uploads.receive(turn, body())
    assert adapter.connections_held == 0
    found = await uploads.find(owner, media.recording_id, media.id)
    assert (found.etag, found.object_modified_at) == (stat.etag, stat.last_modified)


async def test_the_object_of_a_file_that_was_deleted_while_it_appeared_is_queued(pool: asyncpg.Pool) -> None:
    uploads, owner, media = await promised(pool, Watched(pool, "DELETE FROM recordings"))
    with pytest.raises(NotFound):
        async with uploads.writing(owner, media) as turn:
            await uploads.receive(turn, body())
    due = await pool.fetchval("SELECT object_key FROM object_deletions WHERE due_at <= now()")
    assert due == media.object_key


class Refusing:
    """A verification that refuses the object, while a completion at the same time deletes it."""

    max_file_bytes = 10

    async def verify(self, _owner: Owner, media: MediaFile, adapter: MemoryStorage) -> Fault:
        await adapter.delete(media.object_key)
        return Fault("upload", ("media", "file_size_bytes"), "It has too many bytes")


class Undeletable(Watched):
    """Refuses to delete, like a bucket whose policy does not permit it, or one that is down."""

    async def delete(self, key: str) -> None:
        raise AccessDenied(key, "it may not be deleted")


class TooLarge(Refusing):
    """A verification that refuses the object; it is larger than any file may be."""

    max_file_bytes = 1

    async def verify(self, _owner: Owner, _media: MediaFile, _adapter: MemoryStorage) -> Fault:
        return Fault("upload", ("media", "file_size_bytes"), "It has too many bytes")


async def test_an_object_that_is_too_large_and_cannot_be_deleted_is_refused_with_the_reason_and_counted(
    pool: asyncpg.Pool,
) -> None:
    adapter = Undeletable(pool)
    uploads, owner, media = await promised(pool, adapter)
    async with adapter.create(media.object_key) as writer:
        await writer.write(b"sound")
    completion = Completion(replace(uploads, verification=cast("Any", TooLarge())))
    with pytest.raises(Invalid, match="too many bytes"):
        await completion.complete(owner, media.recording_id)
    assert await pool.fetchval("SELECT sum(bytes) FROM account_bytes") == 5


async def test_of_two_completions_that_refuse_an_object_both_say_why(pool: asyncpg.Pool) -> None:
    uploads, owner, media = await promised(pool, Watched(pool))
    completion = Completion(replace(uploads, verification=cast("Any", Refusing())))
    with pytest.raises(Invalid, match="too many bytes"):
        await completion.complete(owner, media.recording_id)
