"""What `seekgate verify` corrects in PostgreSQL, while sessions are joined."""

from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from gateway.catalog import NewMedia, Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.media_audit import PgMediaAudit
from gateway.db.recordings import PgRecordingCatalog

MEDIA = NewMedia("audio", "mp3", "audio/mpeg", "local", "old.mp3", 10, "v1", datetime(2026, 1, 1, tzinfo=UTC))


async def test_a_file_whose_object_was_replaced_by_an_equal_one_is_not_corrected(pool: asyncpg.Pool) -> None:
    """The old object is queued for deletion, and two objects of a bucket with the same bytes have the same ETag."""
    owner, audit = Owner(await PgApiKeys(pool).ensure_user("ada@example.org")), PgMediaAudit(pool)
    media, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    await pool.execute("UPDATE media_files SET object_key = 'new.mp3'")
    assert not await audit.correct_media(media, replace(MEDIA, duration_seconds=2.0))
    (now,) = await audit.list_media(0, limit=9, every=True)
    assert (now.object_key, now.duration_seconds) == ("new.mp3", None)
    assert await audit.correct_media(now, replace(MEDIA, object_key="new.mp3", duration_seconds=2.0))
