"""Registers an object as a recording, in one transaction that may be repeated and may run concurrently.

An object belongs to one media file. An object that is still in the deletion queue is removed from it.
"""

from typing import Final

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import MediaFile, NewMedia, NewMeeting, Owner
from gateway.db.locks import LOCK_NAME
from gateway.db.pool import require_storable
from gateway.db.rows import measured, media_file, read_row
from gateway.db.transcripts import ensure_meeting
from gateway.errors import Conflict, Unavailable


async def register(
    connection: PoolConnectionProxy,
    owner: Owner,
    media: NewMedia,
    *,
    name: str | None,
    meeting: NewMeeting | None,
    recording_id: int | None,
) -> tuple[MediaFile, bool]:
    """See RecordingCatalog.register; the caller owns the transaction (read committed).

    Raises Conflict if another owner has the object, Unavailable if a worker is deleting it now,
    Invalid if a value cannot be stored (NUL in a text, a duration that is not finite).
    """
    try:
        with require_storable("media"):
            await _lock(connection, f"object {media.storage} {media.object_key}")
            existing = await _find_registered(connection, owner, media)
            if existing is not None:
                return existing, False
            await _withdraw_deletion(connection, media)
            if media.session is not None and (finished := await _finish_session(connection, owner, media)) is not None:
                return finished, True
            if recording_id is None:
                recording_id = await _add_recording(connection, owner, name, meeting)
            return await _add_media_file(connection, recording_id, media), True
    except asyncpg.ForeignKeyViolationError as error:
        raise Conflict("The recording was deleted") from error


async def _lock(connection: PoolConnectionProxy, name: str) -> None:
    await connection.execute(LOCK_NAME, name)


FIND_REGISTERED: Final = """
    SELECT to_json(m), r.user_id = $3 AND r.live = $4
    FROM media_files m JOIN recordings r ON r.id = m.recording_id
    WHERE m.storage = $1 AND m.object_key = $2
"""


async def _find_registered(connection: PoolConnectionProxy, owner: Owner, media: NewMedia) -> MediaFile | None:
    row = await connection.fetchrow(FIND_REGISTERED, media.storage, media.object_key, owner.user_id, owner.live)
    if row is None:
        return None
    text, ours = row
    found = read_row(media_file, text)
    if not ours or found is None:
        raise Conflict("The object belongs to another recording")
    return found


# A worker that holds a lease may be deleting the object now, so its entry stays.
WITHDRAW_DELETION: Final = """
    DELETE FROM object_deletions
    WHERE storage = $1 AND object_key = $2 AND (leased_until IS NULL OR leased_until <= clock_timestamp())
"""
FIND_DELETION: Final = "SELECT 1 FROM object_deletions WHERE storage = $1 AND object_key = $2"


async def _withdraw_deletion(connection: PoolConnectionProxy, media: NewMedia) -> None:
    await connection.execute(WITHDRAW_DELETION, media.storage, media.object_key)
    if await connection.fetchval(FIND_DELETION, media.storage, media.object_key) is not None:
        raise Unavailable("The object is being deleted", retry_after_seconds=5)


ADD_RECORDING: Final = """
    INSERT INTO recordings (user_id, live, meeting_id, source, status, name, completed_at)
    VALUES ($1, $2, $3, 'upload', 'completed', $4, now()) RETURNING id
"""
ADD_MEDIA_FILE: Final = """
    INSERT INTO media_files AS m (recording_id, status, type, format, content_type, storage, object_key, size, etag,
                                  object_modified_at, duration_seconds, metadata)
    VALUES ($1, 'uploaded', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING to_json(m)
"""


async def _add_recording(
    connection: PoolConnectionProxy, owner: Owner, name: str | None, meeting: NewMeeting | None
) -> int:
    meeting_id = None if meeting is None else await _find_or_add_meeting(connection, owner, meeting)
    return int(await connection.fetchval(ADD_RECORDING, owner.user_id, owner.live, meeting_id, name))


async def _add_media_file(connection: PoolConnectionProxy, recording_id: int, media: NewMedia) -> MediaFile:
    return media_file(orjson.loads(await connection.fetchval(ADD_MEDIA_FILE, recording_id, *measured(media))))


# `metadata ? …` is the condition of the index.
FIND_UNFINISHED: Final = """
    SELECT m.id, m.storage, m.object_key FROM media_files m JOIN recordings r ON r.id = m.recording_id
    WHERE m.metadata ? 'unfinished_session' AND m.metadata->>'unfinished_session' = $3
      AND r.user_id = $1 AND r.live = $2
    ORDER BY m.id LIMIT 1 FOR NO KEY UPDATE OF r
"""
REPLACE_MEDIA_FILE: Final = """
    UPDATE media_files m
    SET type = $2, format = $3, content_type = $4, storage = $5, object_key = $6, size = $7, etag = $8,
        object_modified_at = $9, duration_seconds = $10, metadata = $11, missing_at = NULL, status = 'uploaded'
    WHERE id = $1 RETURNING to_json(m)
"""
# Not immediately: clients may still be reading the old object.
QUEUE_REPLACED: Final = """
    INSERT INTO object_deletions (storage, object_key, due_at) VALUES ($1, $2, now() + interval '10 minutes')
    ON CONFLICT (storage, object_key) DO NOTHING
"""


async def _finish_session(connection: PoolConnectionProxy, owner: Owner, media: NewMedia) -> MediaFile | None:
    """Make this object the content of the session's unfinished file, and return that file; None if it has none."""
    await _lock(connection, f"session {owner.user_id} {owner.live} {media.session}")
    row = await connection.fetchrow(FIND_UNFINISHED, owner.user_id, owner.live, media.session)
    if row is None:
        return None
    text = await connection.fetchval(REPLACE_MEDIA_FILE, row[0], *measured(media))
    await connection.execute(QUEUE_REPLACED, row[1], row[2])
    return media_file(orjson.loads(text))


async def _find_or_add_meeting(connection: PoolConnectionProxy, owner: Owner, meeting: NewMeeting) -> int:
    await _lock(connection, f"meeting {owner.user_id} {owner.live} {meeting.platform} {meeting.native_meeting_id}")
    return await ensure_meeting(connection, owner, meeting)
