"""Joins the pieces of a session into one readable object, in the same way as the chunks that bots upload."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from tempfile import TemporaryFile

from gateway.imports.local_files import OpenFile
from gateway.media.joiner import remuxed
from gateway.uploads.joining.chunk_headers import FIRST_BYTES, OGG, container_of
from gateway.uploads.joining.join_plan import ChunkPart, Join
from gateway.uploads.joining.ogg_chains import ogg_chain
from storage_adapters.base import ReadableObjects, StoredObject


async def chunk_part(source: ReadableObjects, number: int, key: str, size: int) -> ChunkPart:
    """Describe a piece that is not empty: reads its first bytes to find its container. Raises StorageError."""
    async with source.open(key) as stored, aclosing(stored.read(0, min(FIRST_BYTES, stored.stat.size))) as chunks:
        head = b"".join([chunk async for chunk in chunks])
    return ChunkPart(key, size, container_of(head), number, number, ())


@asynccontextmanager
async def joined_object(join: Join) -> AsyncGenerator[tuple[StoredObject, int]]:
    """The joined file, and the number of parts that could not be read and are not in it.

    It is a temporary file if it has to be remuxed or is an Ogg chain; otherwise it reads the pieces in place.
    Raises NotMedia or StorageError.
    """
    if not join.is_remuxed and join.container != OGG:
        yield join.content, 0
        return
    unreadable: list[int] = []
    chunks = remuxed(join.runs, report_unreadable=unreadable.append) if join.is_remuxed else ogg_chain(join.runs)
    with TemporaryFile() as file:
        async with aclosing(chunks):
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        yield OpenFile(file), sum(unreadable)
