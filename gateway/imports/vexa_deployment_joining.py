"""The chunks of a recording that Vexa never put together, joined into an object of ours; Vexa's objects stay as they are."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from gateway.catalog import MediaType, NewMedia
from gateway.imports.vexa_deployment_objects import Choice, VexaPlace, list_folder
from gateway.media.facts import MediaFacts, NotMedia
from gateway.storage import Storage
from gateway.uploads.chunk_headers import FIRST_BYTES, container_of
from gateway.uploads.joins import ChunkPart, Join, plan_join
from storage_adapters.base import ObjectStat, StorageAdapter, StoredObject, Writable


class NotJoinable(Exception):
    """The chunks make no file; the text says why."""


def joined_key(user_id: int, recording_id: int, media_id: int) -> str:
    """The key of the joined object; there is one for each media file."""
    return f"imports/{user_id}/vexa/{recording_id}/{media_id}"


@dataclass(frozen=True, slots=True)
class ChunkJoiner:
    """Writes joined objects to `storage`; a dry run only reads what they would be."""

    storage: Storage
    look: Callable[[StoredObject], Awaitable[MediaFacts]]
    dry_run: bool

    async def join(self, place: VexaPlace, choice: Choice, key: str) -> NewMedia:
        """The chunks of the choice's folder as one object. Raises NotJoinable or StorageError."""
        adapter = place.storage.adapter
        plan = await plan_join(adapter, await _parts(place, choice))
        if plan.is_remuxed:
            raise NotJoinable("they are several files, and not parts of one")
        try:
            facts = await self.look(plan.content)
        except NotMedia as error:
            raise NotJoinable(str(error)) from error
        stat = plan.content.stat if self.dry_run else await self._write(plan, key)
        media_type: MediaType = facts.type
        return NewMedia(
            type=media_type,
            format=facts.format,
            content_type=facts.content_type,
            storage=self.storage.name,
            object_key=key,
            size=stat.size,
            etag=stat.etag,
            object_modified_at=stat.last_modified,
            duration_seconds=facts.duration_seconds,
            metadata=facts.metadata,
        )

    async def _write(self, plan: Join, key: str) -> ObjectStat:
        adapter = self.storage.adapter
        if not isinstance(adapter, Writable):
            raise NotJoinable(f"the storage backend {self.storage.name!r} cannot be written to")
        async with adapter.create(key) as writer, aclosing(plan.content.read(0, plan.content.stat.size)) as chunks:
            async for chunk in chunks:
                await writer.write(chunk)
        return await _measure(adapter, key)


async def _measure(adapter: StorageAdapter, key: str) -> ObjectStat:
    async with adapter.open(key) as stored:
        return stored.stat


async def _parts(place: VexaPlace, choice: Choice) -> list[ChunkPart]:
    """The chunks that are not empty, in order. Raises NotJoinable if one is missing."""
    parts: list[ChunkPart] = []
    count = 0
    async with aclosing(list_folder(place, choice.path.rpartition("/")[0])) as listed:
        async for number, chunk in listed:
            count += 1
            if not chunk.size:
                continue
            if number != len(parts):
                raise NotJoinable(f"chunk {len(parts)} is missing")
            container = container_of(await _head(place.storage.adapter, chunk.key))
            parts.append(ChunkPart(chunk.key, chunk.size, container, number, number, ()))
    if count < (choice.entry.chunk_count or 0):
        raise NotJoinable(f"{count} of {choice.entry.chunk_count} chunks are there")
    if not parts or parts[0].container is None:
        raise NotJoinable("the first has no header")
    return parts


async def _head(adapter: StorageAdapter, key: str) -> bytes:
    async with adapter.open(key) as stored:
        length = min(FIRST_BYTES, stored.stat.size)
        reading: AsyncGenerator[bytes, None] = stored.read(0, length)
        async with aclosing(reading) as chunks:
            return b"".join([chunk async for chunk in chunks])
