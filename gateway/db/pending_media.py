"""Adds pending media files within the limits of their recording and account; the transaction is the caller's.

An account that has a limit is counted by one transaction at a time.
"""

from typing import Final

import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import UNKNOWN_CONTENT_TYPE, UNKNOWN_FORMAT, MediaFile, NewUpload, Owner, UploadLimits
from gateway.db.locks import LOCK_NAME
from gateway.db.rows import media_file
from gateway.errors import Fault, Invalid

ADD_UPLOAD: Final = """
    INSERT INTO media_files AS m (id, recording_id, type, format, content_type, storage, object_key, status,
                                  size, captured_at, upload_expires_at)
    SELECT new.id, $2, $3, $4, $5, $6, format('uploads/%s/%s', $1::bigint, new.id), 'pending', $7, $8, $9
    FROM (SELECT unused_id('media_files') AS id) new
    RETURNING to_json(m)
"""


async def insert_upload(
    connection: PoolConnectionProxy, owner: Owner, recording_id: int, upload: NewUpload, limits: UploadLimits
) -> MediaFile:
    """A pending media file of the locked recording, in the caller's transaction. Raises Invalid if it breaks a limit."""
    await _check_count(connection, recording_id, limits)
    await check_total(connection, owner, limits, added=upload.size or 0)
    text = await connection.fetchval(
        ADD_UPLOAD,
        owner.user_id,
        recording_id,
        upload.type,
        UNKNOWN_FORMAT,
        upload.content_type or UNKNOWN_CONTENT_TYPE,
        upload.storage,
        upload.size,
        upload.captured_at,
        upload.upload_expires_at,
    )
    return media_file(orjson.loads(text))


COUNT_MEDIA: Final = "SELECT count(*) FROM media_files WHERE recording_id = $1"
# A pending file counts with its promised size or its stored bytes, whichever is more. A chunk counts separately until
# the media file's own object contains it. Reservations for arriving bytes count too, except the one with id $2, if any.
SUM_SIZES: Final = """
    SELECT (coalesce((SELECT sum(bytes) FROM account_bytes WHERE user_id = $1), 0) + coalesce((
        SELECT sum(bytes) FROM upload_reservations WHERE user_id = $1 AND expires_at > now() AND id <> $2
    ), 0))::bigint
"""


async def lock_account(connection: PoolConnectionProxy, owner: Owner, limits: UploadLimits) -> None:
    """Lock the account if it has a limit, so that one transaction at a time counts its uploads."""
    if limits.max_total_bytes_per_account is not None:
        await connection.execute(LOCK_NAME, f"account {owner.user_id}")


async def _check_count(connection: PoolConnectionProxy, recording_id: int, limits: UploadLimits) -> None:
    if await connection.fetchval(COUNT_MEDIA, recording_id) >= limits.max_media_per_recording:
        text = f"A recording has at most {limits.max_media_per_recording} media files"
        raise Invalid(Fault("too_many", ("path", "id"), text))


async def check_total(connection: PoolConnectionProxy, owner: Owner, limits: UploadLimits, *, added: int) -> None:
    """Raise Invalid if `added` more bytes would exceed the account's limit."""
    if limits.max_total_bytes_per_account is not None and added > await find_free_bytes(connection, owner, limits):
        raise account_full(limits)


async def find_free_bytes(
    connection: PoolConnectionProxy, owner: Owner, limits: UploadLimits, *, without: int = 0
) -> int:
    """How many more bytes a limited account may hold; negative if it holds too much.

    The reservation with the id `without` does not count (0 for none).
    """
    held = int(await connection.fetchval(SUM_SIZES, owner.user_id, without))
    return (limits.max_total_bytes_per_account or 0) - held


def account_full(limits: UploadLimits) -> Invalid:
    """The refusal of an upload that would exceed the account's limit."""
    text = f"The account may hold {limits.max_total_bytes_per_account} bytes, and this would be more"
    return Invalid(Fault("too_large", ("body", "file_size_bytes"), text))
