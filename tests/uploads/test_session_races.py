"""A chunk that is replaced by a longer one while its session is joined is in the file once."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.catalog import Owner, Recording, SessionClaim, SessionFile
from gateway.db.session_joins import PgSessionJoins
from gateway.errors import Conflict
from gateway.storage import Storage
from gateway.uploads import bot_sessions
from storage_adapters.local import connect
from tests.contracts.storage_helpers import read_whole
from tests.uploads.test_session_property import HEADER, Sent, World

FIRST, SHORT, LONG, LAST = HEADER + b"begins", b"aaaa", b"aaaabbbb", b"cccccc"


class Session:
    """A session whose middle chunk arrives twice."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.world = World(pool)
        self._uid = str(uuid4())
        self._owner: Owner | None = None

    async def send(self, number: int, body: bytes) -> Recording:
        self._owner = self._owner or await self.world.owner()
        sent = Sent(number, is_empty=False, is_final=False)
        recording = await self.world.receive(self._owner, self._uid, sent, body)
        assert recording is not None
        return recording

    async def played(self) -> bytes:
        await self.world.fall_silent()
        recording = await self.send(0, FIRST)
        (media,) = recording.media_files
        return await read_whole(self.world.storage, media.object_key)


@pytest.fixture
async def session(pool: asyncpg.Pool) -> Session:
    session = Session(pool)
    for number, body in enumerate((FIRST, SHORT, LAST)):
        await session.send(number, body)
    return session


async def test_a_chunk_that_is_replaced_during_the_join_is_not_heard_twice(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = PgSessionJoins.publish_session

    async def slow(self: PgSessionJoins, claim: SessionClaim, file: SessionFile | None, fault: str | None) -> bool:
        monkeypatch.undo()
        await session.send(1, LONG)
        return await publish(self, claim, file, fault)

    monkeypatch.setattr(PgSessionJoins, "publish_session", slow)
    await session.world.fall_silent()
    assert await session.played() == FIRST + LONG + LAST


async def test_a_chunk_that_was_joined_meanwhile_is_not_replaced(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = bot_sessions._begin_alike

    async def slow(*arguments: Any) -> bool:
        found = await compare(*arguments)
        await session.world.fall_silent()
        return found

    monkeypatch.setattr(bot_sessions, "_begin_alike", slow)
    with pytest.raises(Conflict):
        await session.send(1, LONG)
    assert await session.played() == FIRST + SHORT + LAST


async def test_a_session_in_a_read_only_storage_backend_is_tried_again_in_an_hour(
    session: Session, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    for key in (key for (key,) in await pool.fetch("SELECT object_key FROM session_chunks")):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(await read_whole(session.world.storage, key))
    archive = Storage("memory", "local", await connect(root=tmp_path, read_only=True))
    await pool.execute("UPDATE upload_sessions SET due_at = now()")
    assert await replace(session.world.joiner, storages={"memory": archive}).finish_due() == 1
    assert await pool.fetchval("SELECT due_at > now() + interval '50 minutes' FROM upload_sessions")
    await archive.adapter.close()
