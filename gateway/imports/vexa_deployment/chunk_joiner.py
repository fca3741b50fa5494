"""Joins the chunks of a recording that Vexa never joined into a new object; Vexa's objects stay unchanged."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from gateway.catalog import NewMedia
from gateway.imports.joined_objects import chunk_part, joined_object
from gateway.imports.vexa_deployment.stored_objects import Choice, VexaBackend, list_folder
from gateway.media.facts import MediaFacts, NotMedia
from gateway.storage import Storage
from gateway.uploads.joining.join_plan import ChunkPart, plan_join
from gateway.uploads.verification import new_media
from storage_adapters.base import ObjectStat, StoredObject, Writable


class NotJoinable(Exception):
    """The chunks cannot be joined; the text says why."""


def joined_key(user_id: int, recording_id: int, media_id: int) -> str:
    """The key of the object joined for this media file."""
    return f"imports/{user_id}/vexa/{recording_id}/{media_id}"


@dataclass(frozen=True, slots=True)
class ChunkJoiner:
    """Writes joined objects to `storage`; a dry run only reads the chunks and describes the result."""

    storage: Storage
    probe: Callable[[StoredObject], Awaitable[MediaFacts]]
    dry_run: bool

    async def join(self, backend: VexaBackend, choice: Choice, key: str) -> NewMedia:
        """Join the chunks in the folder of the choice's path. Raises NotJoinable or StorageError."""
        adapter = backend.storage.adapter
        plan = await plan_join(adapter, await _parts(backend, choice))
        try:
            async with joined_object(plan) as (content, unreadable):
                facts = await self.probe(content)
                stat = content.stat if self.dry_run else await self._write(content, key)
        except NotMedia as error:
            raise NotJoinable(str(error)) from error
        notes: dict[str, str | int] = {"unreadable_parts": unreadable} if unreadable else {}
        media = new_media(self.storage.name, key, facts, stat)
        return replace(media, metadata={**facts.metadata, **notes})

    async def _write(self, content: StoredObject, key: str) -> ObjectStat:
        adapter = self.storage.adapter
        if not isinstance(adapter, Writable):
            raise NotJoinable(f"the storage backend {self.storage.name!r} cannot be written to")
        async with adapter.create(key) as writer, aclosing(content.read(0, content.stat.size)) as chunks:
            async for chunk in chunks:
                await writer.write(chunk)
        async with adapter.open(key) as stored:
            return stored.stat


async def _parts(backend: VexaBackend, choice: Choice) -> list[ChunkPart]:
    """The chunks that are not empty, in order. Raises NotJoinable if one is missing."""
    parts: list[ChunkPart] = []
    count = 0
    async with aclosing(list_folder(backend, choice.path.rpartition("/")[0])) as listed:
        async for number, chunk in listed:
            if number != count:
                raise NotJoinable(f"chunk {count} is missing")
            count += 1
            if chunk.size:
                parts.append(await chunk_part(backend.storage.adapter, number, chunk.key, chunk.size))
    if count < (choice.entry.chunk_count or 0):
        raise NotJoinable(f"{count} of {choice.entry.chunk_count} chunks exist")
    if not parts or parts[0].container is None:
        raise NotJoinable("the first chunk has no header")
    return parts
