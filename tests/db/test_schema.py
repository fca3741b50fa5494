"""What the schema itself ensures, whichever program writes: notifications, checks, ids."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import asyncpg
import pytest

ROWS: Final = """
    INSERT INTO users (id, email) VALUES (1, 'a@example.org'), (2, 'b@example.org');
    INSERT INTO api_keys (id, user_id, live, digest, prefix, scopes) VALUES (1, 1, true, sha256('k'), 'sk_live_abcd', '{}');
    INSERT INTO recordings (id, user_id, live, source, status) VALUES (11, 1, true, 'bot', 'pending');
    INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size, etag, object_modified_at)
    VALUES (21, 11, 'audio', 'mp3', 'audio/mpeg', 'local', 'a', 'uploaded', 1, 'e', now()),
           (22, 11, 'audio', 'bin', 'audio/mpeg', 'local', 'b', 'pending', NULL, NULL, NULL);
"""
DIGEST: Final = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"
ADD_FILE: Final = (
    "INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size, etag,"
    " object_modified_at) VALUES "
)

MOVE_FILE: Final = """
    INSERT INTO recordings (id, user_id, live, source, status) VALUES (12, 1, true, 'bot', 'pending');
    UPDATE media_files SET recording_id = 12 WHERE id = 21
"""

Heard = Callable[[str], Awaitable[list[str]]]


@pytest.fixture
async def heard(pool: asyncpg.Pool) -> AsyncGenerator[Heard]:
    """What is notified when a statement runs."""
    await pool.execute(ROWS)
    texts: asyncio.Queue[str] = asyncio.Queue()
    async with pool.acquire() as connection:

        def receive(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            texts.put_nowait(str(payload))

        async def run(statement: str) -> list[str]:
            await pool.execute(statement)
            await pool.execute("NOTIFY seekgate, 'end'")
            said = []
            async with asyncio.timeout(60):
                while (text := await texts.get()) != "end":
                    said.append(text)
            return said

        await connection.add_listener("seekgate", receive)
        yield run
        await connection.remove_listener("seekgate", receive)


@pytest.mark.parametrize(
    "statement",
    [
        f"{ADD_FILE} (5, 11, 'audio', 'bin', 'audio/mpeg', 'local', 'c', 'pending', 9, NULL, NULL)",
        "UPDATE media_files SET metadata = jsonb_build_object('chunks', 1) WHERE id = 22",
        "UPDATE media_files SET etag = 'p', object_modified_at = now() WHERE id = 22",
        "DELETE FROM media_files WHERE id = 22",
        "UPDATE media_files SET size = size WHERE id = 21",
        "UPDATE recordings SET status = 'completed', name = 'n', device_id = 'd'",
        "UPDATE recordings SET user_id = user_id, live = live",
        "UPDATE api_keys SET last_used_at = now()",
    ],
    ids=[
        *("a pending file is added", "a chunk of a bot arrives", "a pending file is published"),
        *(
            "a pending file is removed",
            "nothing changes",
            "a recording is completed",
            "the owner stays",
            "a key is used",
        ),
    ],
)
async def test_a_change_that_no_reader_sees_notifies_nobody(heard: Heard, statement: str) -> None:
    assert await heard(statement) == []


@pytest.mark.parametrize(
    ("statement", "texts"),
    [
        (
            f"{ADD_FILE} (5, 11, 'audio', 'mp3', 'audio/mpeg', 'local', 'c', 'uploaded', 9, 'e', now())",
            ["media 11 5"],
        ),
        (
            "UPDATE media_files SET status = 'uploaded', size = 1, etag = 'e', object_modified_at = now() WHERE id = 22",
            ["media 11 22"],
        ),
        ("UPDATE media_files SET etag = 'new' WHERE id = 21", ["media 11 21"]),
        ("UPDATE media_files SET missing_at = now() WHERE id = 21", ["media 11 21"]),
        ("DELETE FROM media_files WHERE id = 21", ["media 11 21"]),
        ("DELETE FROM recordings", ["media 11 21"]),
        ("DELETE FROM users WHERE id = 1", [f"key {DIGEST}", "media 11 21"]),
        ("UPDATE recordings SET user_id = 2", ["recording 11"]),
        ("UPDATE recordings SET live = false", ["recording 11"]),
        ("UPDATE api_keys SET scopes = '{}'", [f"key {DIGEST}"]),
        ("UPDATE api_keys SET expires_at = now()", [f"key {DIGEST}"]),
        ("UPDATE api_keys SET user_id = 2", [f"key {DIGEST}"]),
        ("DELETE FROM api_keys", [f"key {DIGEST}"]),
        ("INSERT INTO signing_keys (kid, secret) VALUES ('k', 's')", ["signing_key"]),
        (
            MOVE_FILE,
            ["media 11 21", "media 12 21"],
        ),
    ],
    ids=[
        *(
            "a file is registered",
            "a file is completed",
            "a file is replaced",
            "a file is missing",
            "a file is deleted",
        ),
        *("a recording is deleted", "a user is deleted", "another owner", "from live to test", "scopes", "expiry"),
        *("a key's owner", "a key is deleted", "a signing key is stored", "another recording"),
    ],
)
async def test_a_change_that_readers_see_notifies_what_it_concerns(
    heard: Heard, statement: str, texts: list[str]
) -> None:
    assert sorted(await heard(statement)) == texts


@pytest.mark.parametrize("column", ["size", "etag", "object_modified_at"])
async def test_an_uploaded_file_has_size_etag_and_time(pool: asyncpg.Pool, column: str) -> None:
    await pool.execute(ROWS)
    with pytest.raises(asyncpg.CheckViolationError, match="media_files_uploaded_check"):
        await pool.execute(f"UPDATE media_files SET {column} = NULL WHERE id = 21")  # noqa: S608 - our own names


async def test_an_id_that_is_taken_is_drawn_again(pool: asyncpg.Pool) -> None:
    await pool.execute(ROWS)
    await pool.execute("CREATE SEQUENCE drawn")
    await pool.execute(
        """
        CREATE OR REPLACE FUNCTION random_id() RETURNS bigint LANGUAGE sql VOLATILE AS
        $$ SELECT 11 + nextval('drawn') / 4 $$
        """
    )
    add = "INSERT INTO recordings (user_id, live, source, status) VALUES (1, true, 'bot', 'pending') RETURNING id"
    assert [await pool.fetchval(add) for _ in range(3)] == [12, 13, 14]
