"""A rolling upgrade: a gateway of the first release and one of this tree serve from one database, as processes of their own."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
import pytest

from gateway.keys import digest
from tests.gateway_process import Process, gateway_environ

TOP: Final = Path(__file__).resolve().parents[2]
FIRST_MIGRATION: Final = "gateway/db/migrations/0002_applied_versions.sql"
CONTENT: Final = bytes(range(256)) * 64
KEY, REVOKED = "sk_live_reader", "sk_live_revoked"
SOON: Final = 60


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree before the first migration, from the history."""
    found = _git("log", "--diff-filter=A", "--format=%H", "--", FIRST_MIGRATION)
    if found is None or not found.strip():
        pytest.skip("cannot run here: the history of the repository is not available")
    folder = tmp_path_factory.mktemp("first_release")
    archive = folder / "tree.tar"
    assert _git("archive", f"--output={archive}", f"{found.split()[-1].decode()}~1") is not None
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder


def _git(*words: str) -> bytes | None:
    done = subprocess.run(["git", "-C", TOP, *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.stop()


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder with one object."""
    root = tmp_path / "media"
    root.mkdir()
    (root / "a.mp3").write_bytes(CONTENT)
    return root


async def fill(connection: asyncpg.Connection) -> str:
    """Keys and one recording, as the first release stores them; the path of the recording's bytes."""
    user = await connection.fetchval("INSERT INTO users (email) VALUES ('a@example.org') RETURNING id")
    for key in (KEY, REVOKED):
        await connection.execute(
            """INSERT INTO api_keys (user_id, live, digest, prefix, scopes)
               VALUES ($1, true, $2, $3, '{recordings:read,recordings:write}')""",
            *(user, digest(key), digest(key).hex()[:12]),
        )
    recording = await connection.fetchval(
        "INSERT INTO recordings (user_id, live, source, status) VALUES ($1, true, 'upload', 'completed') RETURNING id",
        user,
    )
    media = await connection.fetchval(
        """INSERT INTO media_files (recording_id, type, format, content_type, storage, object_key, status, size, etag,
                                    object_modified_at)
           VALUES ($1, 'audio', 'mp3', 'audio/mpeg', 'local', 'a.mp3', 'uploaded', $2, 'x', now()) RETURNING id""",
        *(recording, len(CONTENT)),
    )
    return f"/recordings/{recording}/media/{media}/raw"


async def test_both_serve_and_each_hears_what_the_other_changes(
    first_release: Path, empty_database_url: str, tmp_path: Path, media: Path, processes: list[Process]
) -> None:
    settings = {"SEEKGATE_STORAGES__LOCAL__ROOT": str(media), "PYTHONSAFEPATH": "1"}

    async def start(tree: Path) -> str:
        environ = gateway_environ(empty_database_url, tmp_path, settings | {"PYTHONPATH": str(tree)})
        processes.append(Process(environ, fresh=True))
        return await asyncio.to_thread(lambda: processes[-1].base_url)

    async with aiohttp.ClientSession() as client:

        async def ask(gateway: str, path: str, key: str, method: str = "GET") -> tuple[int, bytes]:
            async with client.request(method, gateway + path, headers={"X-API-Key": key}) as response:
                return response.status, await response.read()

        async def until(gateway: str, path: str, key: str, status: int) -> None:
            async with asyncio.timeout(SOON):
                while (await ask(gateway, path, key))[0] != status:  # noqa: ASYNC110 - nothing here hears of it
                    await asyncio.sleep(0.01)

        old = await start(first_release)
        connection = await asyncpg.connect(empty_database_url)
        try:
            path = await fill(connection)
            assert await ask(old, path, KEY) == (200, CONTENT)
            assert await connection.fetchval("SELECT array_agg(version) FROM schema_version") == [1]
            new = await start(TOP)
            assert await connection.fetchval("SELECT count(*) > 1 FROM schema_version")
            for gateway in (old, new):
                for key in (KEY, REVOKED):
                    assert await ask(gateway, path, key) == (200, CONTENT)
                assert (await ask(gateway, "/v1/recordings", KEY))[0] == 200
            await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE digest = $1", digest(REVOKED))
            for gateway in (old, new):
                await until(gateway, path, REVOKED, 401)
            assert (await ask(old, path.rpartition("/media/")[0], KEY, "DELETE"))[0] == 200
            await until(new, path, KEY, 404)
        finally:
            await connection.close()
