"""The stored sum of an account's bytes equals the sum of its files after any sequence of changes."""

import asyncio
import random
from typing import Final

import asyncpg
import pytest

from gateway.db.pending_media import SUM_SIZES

# The bytes of every account, counted from scratch.
NO_RESERVATION: Final = 0
COUNT: Final = """
    SELECT u.id, coalesce(sum(coalesce(m.size, 0) + coalesce((
        SELECT sum(c.size) FROM session_chunks c WHERE c.media_file_id = m.id AND c.object_key <> m.object_key
    ), 0)), 0)::bigint
    FROM users u LEFT JOIN recordings r ON r.user_id = u.id LEFT JOIN media_files m ON m.recording_id = r.id
    GROUP BY u.id
"""
ADD_RECORDING: Final = "INSERT INTO recordings (user_id, live, source, status) VALUES ($1, true, 'bot', 'pending')"
ADD_FILE: Final = """
    INSERT INTO media_files (recording_id, type, format, content_type, storage, object_key, status, size)
    SELECT id, 'audio', 'bin', 'audio/mpeg', 'local', random_id()::text, 'pending', nullif($1::bigint, 0)
    FROM recordings ORDER BY random() LIMIT 1
"""
ADD_SESSION: Final = """
    INSERT INTO upload_sessions (media_file_id, recording_id, type)
    SELECT id, recording_id, 'audio' FROM media_files ORDER BY random() LIMIT 1 ON CONFLICT DO NOTHING
"""
ADD_CHUNK: Final = """
    INSERT INTO session_chunks (media_file_id, size, digest, storage, object_key, object_size)
    SELECT media_file_id, $1, sha256('x'), 'local', random_id()::text, $1 FROM upload_sessions ORDER BY random() LIMIT 1
"""
# Published as db/session_joins does it: the file first, then the chunks that its object contains.
JOIN_CHUNKS: Final = """
    UPDATE media_files SET object_key = random_id()::text, size = $1
    WHERE id IN (SELECT media_file_id FROM upload_sessions ORDER BY random() LIMIT 1) RETURNING id, object_key
"""
SHARE_OBJECT: Final = "UPDATE session_chunks SET object_key = $2 WHERE media_file_id = $1 AND id % 2 = 0"
STEPS: Final = (
    "INSERT INTO users (email) VALUES (random_id()::text)",
    *(ADD_FILE, ADD_SESSION, ADD_CHUNK, ADD_CHUNK, JOIN_CHUNKS),
    "UPDATE media_files SET size = $1 WHERE id IN (SELECT id FROM media_files ORDER BY random() LIMIT 1)",
    "UPDATE recordings SET user_id = (SELECT id FROM users ORDER BY random() LIMIT 1) WHERE random() < 0.3",
    "DELETE FROM media_files WHERE id IN (SELECT id FROM media_files ORDER BY random() LIMIT 1)",
    "DELETE FROM recordings WHERE id IN (SELECT id FROM recordings ORDER BY random() LIMIT 1)",
    "DELETE FROM session_chunks WHERE id IN (SELECT id FROM session_chunks ORDER BY random() LIMIT 1)",
)


async def compare(pool: asyncpg.Pool) -> None:
    for user_id, expected in await pool.fetch(COUNT):
        assert await pool.fetchval(SUM_SIZES, user_id, NO_RESERVATION) == expected


async def step(pool: asyncpg.Pool, statement: str, size: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(statement, *([size] if "$1" in statement else []))
        if statement == JOIN_CHUNKS and rows:
            await connection.execute(SHARE_OBJECT, *rows[0])


@pytest.mark.parametrize("seed", range(3))
async def test_the_sum_equals_a_count_from_scratch(pool: asyncpg.Pool, seed: int) -> None:
    chosen = random.Random(seed)
    await pool.execute("INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b')")
    for number in (1, 2):
        await pool.execute(ADD_RECORDING, number)
    for _ in range(150):
        await step(pool, chosen.choice(STEPS), chosen.randrange(1, 1000))
        if chosen.random() < 0.2:
            await pool.execute(ADD_RECORDING, chosen.choice([1, 2]))
    await compare(pool)
    await pool.execute("DELETE FROM users WHERE id = 1")
    await compare(pool)


async def test_the_sum_stays_correct_under_concurrent_writes(pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO users (id, email) VALUES (1, 'a')")
    for _ in range(4):
        await pool.execute(ADD_RECORDING, 1)

    async def write(seed: int) -> None:
        chosen = random.Random(seed)
        for _ in range(60):
            try:
                await step(pool, chosen.choice(STEPS[1:]), chosen.randrange(1, 1000))
            except (asyncpg.DeadlockDetectedError, asyncpg.ForeignKeyViolationError):
                continue

    await asyncio.gather(*(write(seed) for seed in range(5)))
    await compare(pool)


async def test_amounts_are_merged_from_time_to_time(pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO users (id, email) VALUES (1, 'a')")
    await pool.execute(ADD_RECORDING, 1)
    for _ in range(1000):
        await pool.execute(ADD_FILE, 5)
    assert await pool.fetchval("SELECT count(*) FROM account_bytes") < 1000
    assert await pool.fetchval(SUM_SIZES, 1, NO_RESERVATION) == 5000
