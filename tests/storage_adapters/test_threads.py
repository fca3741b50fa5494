"""A resource that a thread opened for a cancelled caller is released before the storage backend is closed."""

import asyncio
import threading
from pathlib import Path
from typing import Final

from storage_adapters import connect
from storage_adapters.local import LocalStorage
from storage_adapters.threads import WRITING, settle, take
from tests.storage_adapters.local_storage import count_open

PATIENCE_SECONDS: Final = 30


async def test_a_resource_that_a_cancelled_caller_acquired_is_released_before_settle_returns() -> None:
    may_open = threading.Event()
    given_back: list[str] = []

    def acquire() -> str:
        assert may_open.wait(PATIENCE_SECONDS)
        return "a file"

    taking = asyncio.create_task(take(acquire, given_back.append, WRITING))
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.wait([taking])
    settling = asyncio.create_task(settle())
    await asyncio.sleep(0)
    assert not settling.done()
    may_open.set()
    await settling
    assert given_back == ["a file"]


async def test_a_closed_backend_has_no_drafts_open(tmp_path: Path) -> None:
    storage = await connect("local", {"root": tmp_path})
    assert isinstance(storage, LocalStorage)
    for number in range(50):
        writing = asyncio.create_task(_create(storage, f"{number}"))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
    await storage.close()
    assert count_open(tmp_path) == 0


async def _create(storage: LocalStorage, key: str) -> None:
    async with storage.create(key) as writer:
        await writer.write(b"x" * 100_000)
