"""Writes recordings and media files of Vexa to our tables recordings and media_files (MoveTarget)."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from gateway.catalog import MediaFile, MediaMove, MoveOutcome, NewMedia, RecordingMove
from gateway.db.registration import FIND_DELETION, REPLACE_MEDIA_FILE
from gateway.db.rows import measured, media_file, read_rows
from gateway.db.vexa_move.move_notes import MoveNotes, digest_of


class MovedRecordings(MoveNotes):
    """The part of MoveTarget for recordings and media files, on one connection."""

    FIND_RECORDING_TO_MOVE: Final = """
        SELECT user_id, live, meeting_id, status, error_message, completed_at FROM recordings WHERE id = $1
    """
    ADD_MOVED_RECORDING: Final = """
        INSERT INTO recordings (id, user_id, live, session_uid, source, created_at,
                                meeting_id, status, error_message, completed_at)
        VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8, $9)
    """
    UPDATE_MOVED_RECORDING: Final = """
        UPDATE recordings SET meeting_id = $2, status = $3, error_message = $4, completed_at = $5 WHERE id = $1
    """

    async def move_recording(self, user_id: int, recording: RecordingMove) -> MoveOutcome:
        values = (recording.meeting_id, recording.status, recording.error_message, recording.completed_at)
        row = await self._connection.fetchrow(self.FIND_RECORDING_TO_MOVE, recording.id)
        if row is not None and (row["user_id"], row["live"]) != (user_id, True):
            return "taken"
        here = None if row is None else digest_of(*tuple(row)[2:])
        outcome = await self.decide("recording", recording.identity, here, digest_of(*values))
        if outcome == "moved":
            if row is None:
                kept = (recording.session_uid, recording.source, recording.created_at)
                await self._connection.execute(self.ADD_MOVED_RECORDING, recording.id, user_id, *kept, *values)
            else:
                await self._connection.execute(self.UPDATE_MOVED_RECORDING, recording.id, *values)
            await self.write_note("recording", recording.identity, recording.id, digest_of(*values))
        return outcome

    async def has_recording(self, identity: bytes) -> bool:
        return await self.still_has("recording", identity, self.FIND_RECORDING_TO_MOVE)

    FIND_MOVED_MEDIA: Final = "SELECT to_json(m) FROM media_files m WHERE id = ANY ($1)"

    async def find_media(self, ids: Sequence[int]) -> Mapping[int, MediaFile]:
        rows = await self._connection.fetch(self.FIND_MOVED_MEDIA, ids)
        return {each.id: each for each in read_rows(media_file, (text for (text,) in rows))}

    ADD_MOVED_MEDIA: Final = """
        INSERT INTO media_files (id, recording_id, status, created_at, missing_at, type, format, content_type, storage,
                                 object_key, size, etag, object_modified_at, duration_seconds, metadata)
        VALUES ($1, $2, 'uploaded', $3, CASE WHEN $4 THEN now() END, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    """

    async def move_media(self, moved: MediaMove) -> MoveOutcome:
        identity = sha256(f"media {moved.recording_id} {moved.id}".encode()).digest()
        here = (await self.find_media([moved.id])).get(moved.id)
        note = await self.find_note("media_file", identity)
        if note is not None and here is None:
            return "deleted"
        if here is not None and (note is None or here.recording_id != moved.recording_id):
            return "taken"
        if here is not None and (moved.missing or not _is_other(here, moved.media)):
            return "here"
        if await self._is_claimed(moved):
            return "taken"
        if here is None:
            arguments = (moved.id, moved.recording_id, moved.created_at, moved.missing, *measured(moved.media))
            await self._connection.execute(self.ADD_MOVED_MEDIA, *arguments)
        else:
            await self._connection.execute(REPLACE_MEDIA_FILE, moved.id, *measured(moved.media))
        await self.write_note("media_file", identity, moved.id)
        return "moved"

    FIND_OBJECT: Final = "SELECT 1 FROM media_files WHERE storage = $1 AND object_key = $2 AND id <> $3"

    async def _is_claimed(self, moved: MediaMove) -> bool:
        """Whether another media file has the object, or it is queued for deletion because such a file was deleted."""
        key = (moved.media.storage, moved.media.object_key)
        if await self._connection.fetchval(self.FIND_OBJECT, *key, moved.id) is not None:
            return True
        return await self._connection.fetchval(FIND_DELETION, *key) is not None


def _is_other(here: MediaFile, media: NewMedia) -> bool:
    """Whether the object is another one than before, or was missing."""
    known = (here.storage, here.object_key, here.size)
    return here.missing_at is not None or known != (media.storage, media.object_key, media.size)
