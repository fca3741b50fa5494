"""Recordings for load tests, each an object of the synthetic corpus (`storage_adapters/synthetic.py`).

Recording n has seed n and `1 MiB * (1 + n mod 256) + n` bytes: 256 of them have every size from 1 to 256 MiB, and no two
have the same size.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from gateway.catalog import NewMedia, Owner, RecordingCatalog
from gateway.storage import Storage
from storage_adapters.base import ObjectStat
from storage_adapters.synthetic import PERIOD, object_key

MAX_COUNT: Final = PERIOD
_MIB: Final = 1 << 20
_SIZES: Final = 256
_TASKS: Final = 8
# 128 kbit/s: a recording of that size lasts as long as its bytes at this rate.
_BYTES_PER_SECOND: Final = 16_000


async def seed_synthetic(
    catalog: RecordingCatalog,
    storage: Storage,
    owner: Owner,
    count: int,
    report: Callable[[int], None] = lambda _: None,
) -> None:
    """Register synthetic recordings 0 … count - 1; those that exist already stay as they are.

    `report` is called with the number of recordings just registered. Raises ValueError for more than
    MAX_COUNT, and what `RecordingCatalog.register` raises.
    """
    if count > MAX_COUNT:
        raise ValueError(f"the synthetic corpus has at most {MAX_COUNT} recordings, not {count}")
    numbers = iter(range(count))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_TASKS):
                group.create_task(_register(catalog, storage, owner, numbers, report))
    except ExceptionGroup as troubles:
        raise troubles.exceptions[0] from None


async def _register(
    catalog: RecordingCatalog, storage: Storage, owner: Owner, numbers: Iterator[int], report: Callable[[int], None]
) -> None:
    """Register the numbers that the tasks share, until none is left."""
    for number in numbers:
        key = synthetic_key(number)
        async with storage.adapter.open(key) as stored:
            media = _new_media(storage.name, key, stored.stat)
        await catalog.register(owner, media, name=f"Synthetic recording {number}")
        report(1)


def synthetic_key(number: int) -> str:
    """The object of recording `number`."""
    return object_key(number, _MIB * (1 + number % _SIZES) + number)


def _new_media(storage: str, key: str, stat: ObjectStat) -> NewMedia:
    return NewMedia(
        type="audio",
        format="bin",
        content_type="application/octet-stream",  # the truth: nothing can play it
        storage=storage,
        object_key=key,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=stat.size / _BYTES_PER_SECOND,
    )
