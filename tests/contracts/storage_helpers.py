"""What the storage contracts share: contents, keys, and functions that read objects back."""

import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from storage_adapters.base import ObjectNotFound, ObjectStat, StorageAdapter, StoredObject

Put = Callable[[str, bytes], Awaitable[None]]

LARGE = random.Random(1).randbytes(3 * 1024 * 1024 + 17)
"""More than any adapter reads in one step, and not a multiple of anything."""

UNUSUAL_KEYS = {
    "space": "two words.mp3",
    "percent": "100%25 %2e%2e.mp3",
    "plus": "a+b+c.mp3",
    "query": "a?b=c&d=e#f.mp3",
    "unicode": "Übung/日本語/🎙.ogg",
    "dots_in_names": "a..b/...c/.hidden",
    "quotes": 'it\'s "quoted".mp3',
    "punctuation": "a;b:c,d=e@f!g$h(i)*~.mp3",
    "very_long": "/".join(letter * 200 for letter in "abcd"),
}


async def read_span(stored: StoredObject, offset: int, length: int) -> bytes:
    """These bytes, after checking that they came in non-empty chunks."""
    async with aclosing(stored.read(offset, length)) as chunks:
        parts = [chunk async for chunk in chunks]
    assert all(parts), "a chunk was empty"
    return b"".join(parts)


async def read_whole(adapter: StorageAdapter, key: str, expected: ObjectStat | None = None) -> bytes:
    async with adapter.open(key, expected) as stored:
        return await read_span(stored, 0, stored.stat.size)


async def exists(adapter: StorageAdapter, key: str) -> bool:
    try:
        async with adapter.open(key):
            return True
    except ObjectNotFound:
        return False
