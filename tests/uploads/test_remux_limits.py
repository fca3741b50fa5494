"""Joins that need a decoding process: few run at a time, and none writes more than a file may have."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.media.facts import NotMedia
from gateway.media.joiner import remuxed
from gateway.uploads import session_joiner
from tests.media.test_joining import MP4, WEBM
from tests.uploads.test_join_plan import stored
from tests.uploads.test_session_chunks import tone, wav
from tests.uploads.test_session_property import HEADER, MAX_FILE_BYTES, Sent, World

SESSIONS = 6
ENOUGH_SECONDS = 0.05


async def test_few_processes_join_at_a_time(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, asked = 0, 0, set[int | None]()

    async def counting(*_: Any, max_bytes: int | None = None, **__: Any) -> AsyncGenerator[bytes]:
        nonlocal running, most
        asked.add(max_bytes)
        running += 1
        most = max(most, running)
        await asyncio.sleep(ENOUGH_SECONDS)
        yield HEADER
        running -= 1

    monkeypatch.setattr(session_joiner, "remuxed", counting)
    world = World(pool)
    owner = await world.owner()

    async def session() -> Any:
        uid = str(uuid4())
        await world.receive(owner, uid, Sent(0, is_empty=False, is_final=False), HEADER)
        return await world.receive(owner, uid, Sent(1, is_empty=False, is_final=True), wav(tone(1, 20)))

    recordings = await asyncio.gather(*(session() for _ in range(SESSIONS)))
    assert [each.status for each in recordings] == ["completed"] * SESSIONS
    assert most <= 2
    assert asked == {MAX_FILE_BYTES}


async def test_a_join_that_hangs_gives_its_place_back(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging(*_: Any, **__: Any) -> AsyncGenerator[bytes]:
        await asyncio.Event().wait()
        yield b""

    monkeypatch.setattr(session_joiner, "remuxed", hanging)
    monkeypatch.setattr(session_joiner, "_REMUX_SECONDS", ENOUGH_SECONDS)
    world, uid = World(pool), str(uuid4())
    owner = await world.owner()
    await world.receive(owner, uid, Sent(0, is_empty=False, is_final=False), HEADER)
    recording = await world.receive(owner, uid, Sent(1, is_empty=False, is_final=True), wav(tone(1, 20)))
    assert recording is not None
    assert recording.status == "failed"
    assert "took longer than" in (recording.error_message or "")


async def test_a_joined_file_that_would_be_too_large_is_not_written() -> None:
    storage, parts = await stored("mixed", [WEBM(), MP4()])
    join = partial(remuxed, report_unreadable=list[int]().append)
    async with storage.open(parts[0].object_key) as one, storage.open(parts[1].object_key) as other:
        whole = b"".join([chunk async for chunk in join([one, other])])
        assert b"".join([chunk async for chunk in join([one, other], max_bytes=len(whole))]) == whole
        with pytest.raises(NotMedia, match=f"more than {len(whole) - 1} bytes"):
            assert [chunk async for chunk in join([one, other], max_bytes=len(whole) - 1)]
