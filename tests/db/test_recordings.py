"""Bad rows, cascades and races, which only the catalogue in PostgreSQL has."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

import asyncpg
import pytest

from gateway.catalog import ALL_SCOPES, Owner, Recording
from gateway.errors import Conflict, Unavailable
from tests.contracts.catalog_stores import Stores, new_media
from tests.db.postgres_stores import postgres_stores

# A database of another program may lack our constraints, and some of these satisfy them anyway.
BAD_RECORDINGS: Final = {
    "infinite": "UPDATE recordings SET started_at = 'infinity' WHERE id = $1",
    "beyond the calendar": "UPDATE recordings SET ended_at = '20000-01-01' WHERE id = $1",
    "before the calendar": "UPDATE recordings SET ended_at = '0044-03-15 BC' WHERE id = $1",
    "metadata is not an object": "UPDATE recordings SET metadata = '[1]' WHERE id = $1",
    "metadata is too deep": (
        "UPDATE recordings SET metadata = (repeat('{\"a\":', 2000) || '1' || repeat('}', 2000))::jsonb WHERE id = $1"
    ),
}
BAD_MEDIA_FILES: Final = {
    "endless": "UPDATE media_files SET duration_seconds = 'Infinity' WHERE id = $1",
    "not a number": "UPDATE media_files SET duration_seconds = 'NaN' WHERE id = $1",
    "infinitely old": "UPDATE media_files SET object_modified_at = '-infinity' WHERE id = $1",
    "metadata is not an object": "UPDATE media_files SET metadata = '\"text\"' WHERE id = $1",
}


@pytest.fixture
def stores(pool: asyncpg.Pool) -> Stores:
    return postgres_stores(pool)


async def drop_checks(pool: asyncpg.Pool, table: str) -> None:
    names = await pool.fetch(
        "SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'", table
    )
    for (name,) in names:
        await pool.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


async def listed(stores: Stores, owner: Owner) -> list[Recording]:
    return list(await stores.catalog.list_recordings(owner, limit=9, offset=0))


@pytest.mark.parametrize("name", BAD_RECORDINGS)
async def test_a_recording_that_cannot_be_read_is_left_out_and_logged(
    pool: asyncpg.Pool, stores: Stores, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    owner = await stores.owner()
    good, bad = await stores.added(owner, "good.mp3"), await stores.added(owner, "bad.mp3")
    await drop_checks(pool, "recordings")
    await pool.execute(BAD_RECORDINGS[name], bad.id)
    with caplog.at_level(logging.WARNING):
        assert await listed(stores, owner) == [good]
    assert "left out" in caplog.text
    assert await stores.catalog.find_recording(owner, bad.id) is None
    assert await stores.catalog.delete_recording(owner, bad.id)


@pytest.mark.parametrize("name", BAD_MEDIA_FILES)
async def test_a_recording_is_found_without_its_unreadable_media_file(
    pool: asyncpg.Pool, stores: Stores, name: str
) -> None:
    owner = await stores.owner()
    recording = await stores.added(owner)
    file = recording.media_files[0]
    await drop_checks(pool, "media_files")
    await pool.execute(BAD_MEDIA_FILES[name], file.id)
    (found,) = await listed(stores, owner)
    assert (found.id, found.media_files) == (recording.id, ())
    assert await stores.catalog.find_media_file(owner, recording.id, file.id) is None
    with pytest.raises(Conflict):
        await stores.catalog.register(owner, new_media())


async def test_a_recording_without_media_files_is_listed(pool: asyncpg.Pool, stores: Stores) -> None:
    owner, recording = await stores.owner(), await stores.added(await stores.owner())
    await pool.execute("DELETE FROM media_files")
    (found,) = await listed(stores, owner)
    assert (found.id, found.media_files) == (recording.id, ())


async def test_media_files_are_oldest_first_and_the_master_is_the_newest_complete_one(
    pool: asyncpg.Pool, stores: Stores
) -> None:
    owner, recording = await stores.owner(), await stores.added(await stores.owner())
    for key, status, minutes in (("older", "uploaded", -1), ("newer", "uploaded", 1), ("newest", "pending", 2)):
        await pool.execute(
            """
            INSERT INTO media_files (recording_id, type, format, content_type, storage, object_key, status, created_at, size, etag, object_modified_at)
            VALUES ($1, 'audio', 'mp3', 'audio/mpeg', 'local', $2, $3, now() + $4 * interval '1 minute', 1, 'e', now())
            """,
            *(recording.id, key, status, minutes),
        )
    (found,) = await listed(stores, owner)
    assert [file.object_key for file in found.media_files] == ["older", "a.mp3", "newer", "newest"]
    master = await stores.catalog.find_master(owner, recording.id, "audio")
    assert master == found.media_files[2]


async def test_the_newest_of_several_meetings_with_one_key_is_found_and_joined(
    pool: asyncpg.Pool, stores: Stores
) -> None:
    owner = await stores.owner()
    for hours in (2, 1, 3):
        await pool.execute(
            """
            INSERT INTO meetings (user_id, live, platform, native_meeting_id, status, created_at)
            VALUES ($1, true, 'zoom', '1', $2::text, now() - $3 * interval '1 hour')
            """,
            *(owner.user_id, f"{hours} hours ago", hours),
        )
    transcript = await stores.catalog.find_transcript(owner, "zoom", "1")
    assert transcript is not None
    assert transcript.meeting.status == "1 hours ago"


@pytest.mark.parametrize("statement", ["DELETE FROM users", "DELETE FROM recordings", "DELETE FROM media_files"])
async def test_every_way_to_delete_a_media_file_queues_its_object(
    pool: asyncpg.Pool, stores: Stores, statement: str
) -> None:
    await stores.added(await stores.owner())
    await pool.execute(statement)
    (claimed,) = await stores.queue.claim_deletions(limit=9, lease_seconds=60)
    assert claimed.object_key == "a.mp3"


async def test_a_rolled_back_deletion_queues_nothing(pool: asyncpg.Pool, stores: Stores) -> None:
    await stores.added(await stores.owner())
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DELETE FROM recordings")
        await transaction.rollback()
    assert await stores.queue.count_deletions() == 0


async def test_a_recording_outlives_its_meeting(pool: asyncpg.Pool, stores: Stores) -> None:
    owner, recording = await stores.owner(), await stores.added(await stores.owner())
    meeting_id = await pool.fetchval(
        "INSERT INTO meetings (user_id, live, platform, native_meeting_id) VALUES ($1, true, 'a', 'b') RETURNING id",
        owner.user_id,
    )
    await pool.execute("UPDATE recordings SET meeting_id = $1", meeting_id)
    await pool.execute("DELETE FROM meetings")
    assert await listed(stores, owner) == [recording]


async def test_an_object_queued_again_has_no_attempts(pool: asyncpg.Pool, stores: Stores) -> None:
    recording = await stores.added(await stores.owner())
    await pool.execute(
        """
        INSERT INTO object_deletions (storage, object_key, attempts, due_at, leased_until, last_error)
        VALUES ('local', 'a.mp3', 9, now() + interval '1 day', now() + interval '1 day', 'old trouble')
        """
    )
    assert await stores.catalog.delete_recording(recording.owner, recording.id)
    (claimed,) = await stores.queue.claim_deletions(limit=9, lease_seconds=60)
    assert claimed.attempts == 1


async def test_an_entry_whose_object_is_referenced_again_is_dropped(pool: asyncpg.Pool, stores: Stores) -> None:
    await stores.added(await stores.owner())
    await pool.execute("INSERT INTO object_deletions (storage, object_key) VALUES ('local', 'a.mp3'), ('s3', 'a.mp3')")
    claimed = await stores.queue.claim_deletions(limit=9, lease_seconds=60)
    assert [(each.storage, each.object_key) for each in claimed] == [("s3", "a.mp3")]
    assert await stores.queue.count_deletions() == 1


async def test_an_import_and_a_worker_that_race_for_an_object_have_one_winner(stores: Stores) -> None:
    owner = await stores.owner()
    for number in range(20):
        key = f"{number}.mp3"
        await stores.catalog.delete_recording(owner, (await stores.added(owner, key)).id)
        registered, claimed = await asyncio.gather(
            stores.catalog.register(owner, new_media(key)),
            stores.queue.claim_deletions(limit=1, lease_seconds=3600),
            return_exceptions=True,
        )
        assert isinstance(registered, Unavailable) is bool(claimed)


async def test_a_use_is_recorded_again_after_a_minute(pool: asyncpg.Pool, stores: Stores) -> None:
    key = await stores.api_keys.create_key(
        digest=b"d" * 32, prefix="sk_live_ab12", owner=await stores.owner(), scopes=ALL_SCOPES, expires_at=None
    )
    for age, moves in ((50, False), (61, True)):
        before = await pool.fetchval(
            "UPDATE api_keys SET last_used_at = now() - $1::interval RETURNING last_used_at", timedelta(seconds=age)
        )
        await stores.api_keys.record_key_use(key.id)
        found = await stores.api_keys.find_key(b"d" * 32)
        assert found is not None
        assert (found.last_used_at != before) is moves


# Each changes the files of two recordings; then the main_type and duration_seconds that each recording should have.
FILES: Final = (
    ("INSERT INTO media_files ({columns}) VALUES (1, 1, 'image', NULL, {rest})", ("image", None), ("", None)),
    ("INSERT INTO media_files ({columns}) VALUES (2, 1, 'video', 3, {rest})", ("video", 3.0), ("", None)),
    ("UPDATE media_files SET type = 'audio', duration_seconds = 4 WHERE id = 2", ("audio", 4.0), ("", None)),
    ("UPDATE media_files SET recording_id = 2 WHERE id = 2", ("image", None), ("audio", 4.0)),
    ("DELETE FROM media_files WHERE id = 1", ("", None), ("audio", 4.0)),
)


async def test_the_values_that_lists_are_ordered_by_follow_every_change_of_the_files(
    pool: asyncpg.Pool, stores: Stores
) -> None:
    owner = await stores.owner()
    await pool.execute(
        "INSERT INTO recordings (id, user_id, live, source, status) SELECT id, $1, true, 'bot', 'pending' FROM generate_series(1, 2) id",
        owner.user_id,
    )
    columns = "id, recording_id, type, duration_seconds, format, content_type, storage, object_key, status"
    for statement, *expected in FILES:
        rest = "'bin', 'x', 'local', random_id()::text, 'pending'"
        await pool.execute(statement.format(columns=columns, rest=rest))
        rows = await pool.fetch("SELECT main_type, duration_seconds FROM recordings ORDER BY id")
        assert [tuple(row) for row in rows] == expected, statement
