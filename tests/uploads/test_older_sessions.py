"""A session that a gateway older than migration 0004 began continues after the bytes that were appended there."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final, cast

import asyncpg
import pytest

from gateway.db.migrations import load_migrations
from storage_adapters.local import connect
from storage_adapters.memory import MemoryStorage
from tests.contracts.storage_helpers import read_whole
from tests.uploads.test_session_chunks import tone, wav
from tests.uploads.test_session_property import Sent, World

BEGUN: Final = (wav(tone(1)), wav(tone(2)))
ADOPTION: Final = next(each.sql for each in load_migrations() if each.number == 17).partition(";")[2]


@pytest.fixture
async def world(pool: asyncpg.Pool, tmp_path: Path) -> AsyncGenerator[World]:
    storage = await connect(root=tmp_path / "files")
    yield World(pool, cast("MemoryStorage", storage))
    await storage.close()


async def begin(world: World, uid: str) -> None:
    """A session with two chunks in one partial object, counted in the metadata, and what came with a broken connection."""
    owner = await world.owner()
    recording_id = await world.pool.fetchval(
        "INSERT INTO recordings (user_id, live, session_uid, source, status) VALUES ($1, true, $2, 'bot', 'pending')"
        " RETURNING id",
        owner.user_id,
        uid,
    )
    media_file_id = await world.pool.fetchval(
        "INSERT INTO media_files (recording_id, type, format, content_type, storage, object_key, status, metadata)"
        " VALUES ($1, 'audio', 'bin', 'application/octet-stream', 'memory', 'uploads/1/2', 'pending', $2) RETURNING id",
        recording_id,
        {"chunks": 2, "bytes": sum(map(len, BEGUN))},
    )
    await world.pool.execute(
        "INSERT INTO upload_sessions (media_file_id, recording_id, type) VALUES ($1, $2, 'audio')",
        media_file_id,
        recording_id,
    )
    async with world.storage.append("uploads/1/2") as writer:  # type: ignore[attr-defined]
        await writer.write(b"".join(BEGUN) + b"broken")
    await world.pool.execute(ADOPTION)


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes-on", "silent"])
async def test_a_session_of_an_older_gateway_is_joined(world: World, *, goes_on: bool) -> None:
    await begin(world, "older")
    owner = await world.owner()
    if goes_on:
        for number, body in ((1, BEGUN[1]), (2, wav(tone(3)))):  # the last one's response was lost
            await world.receive(owner, "older", Sent(number, is_empty=False, is_final=number == 2), body)
    await world.fall_silent()
    (recording,) = await world.catalog.list_recordings(owner, limit=9, offset=0)
    (media,) = recording.media_files
    assert (recording.status, recording.error_message) == ("completed", None)
    expected = wav(tone(1) + tone(2) + (tone(3) if goes_on else b""))
    assert await read_whole(world.storage, media.object_key) == expected
