"""/livez waits for nothing but the event loop: not for a thread of any pool, nor for the database."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.assembly.site import running
from gateway.media import caption_reader
from gateway.process.drain import Drain
from gateway.process.listening import open_sockets
from gateway.settings.load import load
from storage_adapters import threads
from tests.conformance.raw_http import Connection, compose, connect
from tests.gateway_process import gateway_environ

PATIENCE_SECONDS: Final = 60


@pytest.fixture
async def port(database_url: str, tmp_path: Path) -> AsyncGenerator[int]:
    """Where a gateway in this process listens: its pools are this process's."""
    config = load(None, gateway_environ(database_url, tmp_path, {"SEEKGATE_LOGGING__ACCESS_LOG": "false"}))
    with ExitStack() as stack:
        (sockets,) = open_sockets(config, stack)
        async with running(config, sockets, Drain()):
            yield sockets.public.getsockname()[1]


@contextmanager
def full_pools() -> Iterator[None]:
    """Every thread of every pool is busy, and as much again waits for one."""
    release = threading.Event()
    pools = (threads.READING, threads.WRITING, caption_reader._PARSING)
    for pool in pools:
        for _ in range(2 * pool._max_workers):
            pool.submit(release.wait, PATIENCE_SECONDS)
    loop = asyncio.get_running_loop()
    for _ in range(64):
        loop.run_in_executor(None, release.wait, PATIENCE_SECONDS)
    try:
        yield
    finally:
        release.set()


@asynccontextmanager
async def locked_tables(database_url: str) -> AsyncGenerator[None]:
    """The database answers no look-up of a key or a media file."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE api_keys, media_files, recordings IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def status_of(connection: Connection, target: str, *fields: tuple[str, str]) -> int:
    await connection.send(compose("GET", target, fields))
    return (await connection.read_response()).status


async def test_livez_answers_while_every_thread_and_the_database_are_busy(port: int, database_url: str) -> None:
    async with connect("127.0.0.1", port) as connection, connect("127.0.0.1", port) as other:
        assert await status_of(connection, "/livez") == 200
        async with locked_tables(database_url):
            with full_pools():
                waiting = [
                    asyncio.create_task(status_of(other, "/recordings", ("X-API-Key", "sk_live_unknown"))),
                ]
                for _ in range(10):
                    assert await status_of(connection, "/livez") == 200
                assert not any(task.done() for task in waiting)
        assert await asyncio.gather(*waiting) == [401]
