"""Transactions lock rows in one order (gateway/db/locks.py): one that waits holds nothing that comes later.

Another connection holds a row, as a transaction that began earlier would. As soon as the operation waits for it, that
connection locks the rows that come later in the order, without waiting. If it could not, the two would be deadlocked.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    Arrival,
    MediaFile,
    NewChunk,
    NewMedia,
    NewMeeting,
    NewUpload,
    Owner,
    RecordingMove,
    Reservation,
    Segment,
    SessionClaim,
    SessionFile,
    UploadLimits,
    UploadSession,
    VerifiedUpload,
)
from gateway.catalog.vexa_moves import MeetingMove
from gateway.db import users
from gateway.db.api_keys import PgApiKeys
from gateway.db.edits import PgRecordingEdits
from gateway.db.media_audit import PgMediaAudit
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.session_joins import PgSessionJoins
from gateway.db.session_uploads import PgSessionUploads
from gateway.db.upload_reservations import PgUploadReservations
from gateway.db.upload_writers import PgUploadWriters
from gateway.db.uploads import PgUploads
from gateway.db.users import PgUsers
from gateway.db.vexa_move.move_target import PgMoveTarget

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LIMITS: Final = UploadLimits(max_media_per_recording=9, max_total_bytes_per_account=None)
LIMITED: Final = UploadLimits(max_media_per_recording=9, max_total_bytes_per_account=100)
SOUND: Final = NewUpload("audio", "local")
HELLO: Final = (Segment(0.0, 1.0, "hello"),)
ARRIVAL: Final = Arrival(closes=False, due_in_seconds=60)
BLOCKED: Final = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))"
CREATE_SESSION_RECORDING: Final = """
    WITH added AS (
        INSERT INTO recordings (user_id, live, session_uid, source, status) VALUES ($1, true, 'new', 'bot', 'pending')
        RETURNING id
    )
    UPDATE bot_sessions SET recording_id = added.id FROM added WHERE session_uid = 'new'
"""
ADD_SEGMENT: Final = """
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
    SELECT id, 0, 0, 1, 'hello' FROM meetings WHERE platform = 'zoom'
"""
LATER: Final = ("meetings", "media_files", "upload_sessions", "upload_writers", "session_chunks", "bot_sessions")


def measured(media: MediaFile, key: str, size: int) -> NewMedia:
    return NewMedia(media.type, "mp3", "audio/mpeg", media.storage, key, size, "etag", NOW, 2.5, None)


def chunk(number: int, key: str) -> NewChunk:
    return NewChunk(number, 4, bytes([number]) * 32, "mp3", key)


class Scene:
    """A recording with a file of each kind: a bot's session, a pending upload, and one whose session is unfinished."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.sessions = PgSessionUploads(pool)
        self.joins = PgSessionJoins(pool, lambda _: None)
        self.uploads = PgUploads(pool)
        self.writers = PgUploadWriters(pool)
        self.reservations = PgUploadReservations(pool)
        self.catalog = PgRecordingCatalog(pool)
        self.edits = PgRecordingEdits(pool)
        self.audit = PgMediaAudit(pool)
        self.users = PgUsers(pool)

    owner: Owner
    session: UploadSession
    claim: SessionClaim
    chunk_id: int
    pending: MediaFile
    stored: MediaFile

    async def prepare(self) -> None:
        self.owner = Owner(await PgApiKeys(self.pool).ensure_user("owner@example.org"), live=True)
        self.session = await self.sessions.ensure_session(self.owner, "uid", SOUND, LIMITS, due_in_seconds=60)
        self.chunk_id = (await self.add_chunk(0)).id
        claim = await self.joins.claim_session(self.session.media.id, lease_seconds=60)
        assert claim is not None
        self.claim = claim
        pending = await self.uploads.add_upload(self.owner, self.recording_id, SOUND, LIMITS)
        stored = await self.uploads.add_upload(self.owner, self.recording_id, SOUND, LIMITS)
        assert pending is not None
        assert stored is not None
        await self.uploads.complete_uploads(
            self.owner, self.recording_id, [VerifiedUpload(stored.id, None, measured(stored, "stored", 5))], LIMITS
        )
        self.pending = pending
        await self.edits.replace_transcript(self.owner, self.recording_id, HELLO)
        unfinished = """ '{"unfinished_session": "vexa"}' """
        await self.pool.execute(f"UPDATE media_files SET metadata = {unfinished} WHERE id = $1", stored.id)  # noqa: S608
        completed = await self.catalog.find_media_file(self.owner, self.recording_id, stored.id)
        assert completed is not None
        self.stored = completed

    @property
    def recording_id(self) -> int:
        return self.session.media.recording_id

    async def add_chunk(self, number: int) -> Any:
        key = f"chunk {number}"
        await self.sessions.expect_object("local", key, seconds=60)
        return await self.sessions.record_chunk(self.session, chunk(number, key), ARRIVAL, LIMITS)

    async def publish(self) -> bool:
        await self.sessions.expect_object("local", "joined", seconds=60)
        file = SessionFile(measured(self.session.media, "joined", 4), (self.chunk_id,))
        return await self.joins.publish_session(self.claim, file, None)

    async def finish_session(self) -> None:
        media = NewMedia("audio", "mp3", "audio/mpeg", "local", "whole", 9, "e", NOW, 9.0, None, session="vexa")
        await self.catalog.register(self.owner, media)

    async def complete(self) -> bool:
        found = VerifiedUpload(self.pending.id, None, measured(self.pending, self.pending.object_key, 5))
        return await self.uploads.complete_uploads(self.owner, self.recording_id, [found], LIMITS)

    async def move(self) -> None:
        meeting_id = await self.pool.fetchval("SELECT meeting_id FROM recordings WHERE id = $1", self.recording_id)
        meeting = MeetingMove(meeting_id, b"m" * 32, "zoom", "1", "active", None, None, NOW, None)
        recording = RecordingMove(self.recording_id, b"r" * 32, meeting_id, None, "bot", "completed", None, NOW, None)
        async with self.pool.acquire() as connection:
            target = PgMoveTarget(connection)
            await target.write_note("meeting", meeting.identity, meeting_id, None)
            async with target.transaction([recording.id]):
                await target.move_meeting(self.owner.user_id, meeting)
                await target.move_recording(self.owner.user_id, recording)


@pytest.fixture
async def scene(pool: asyncpg.Pool) -> Scene:
    scene = Scene(pool)
    await scene.prepare()
    return scene


@asynccontextmanager
async def held(scene: Scene) -> AsyncGenerator[PoolConnectionProxy]:
    """A connection in a transaction that is rolled back at the end."""
    async with scene.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


async def until_blocked(scene: Scene, task: asyncio.Task[Any], holder: PoolConnectionProxy) -> None:
    """Return when the task waits for a lock of the holder's."""
    holders = await holder.fetchval("SELECT pg_backend_pid()")
    while not await scene.pool.fetchval(BLOCKED, holders):
        assert not task.done(), "it waits for nothing"


@asynccontextmanager
async def waiting(
    scene: Scene, operation: Coroutine[Any, Any, Any], lock: str, *arguments: object
) -> AsyncGenerator[PoolConnectionProxy]:
    """A connection that holds the rows of the statement `lock`, while the operation waits for them."""
    async with asyncio.TaskGroup() as tasks, held(scene) as connection:
        await connection.execute(lock, *arguments)
        await until_blocked(scene, tasks.create_task(operation), connection)
        yield connection


OPERATIONS: Final[dict[str, Callable[[Scene], Coroutine[Any, Any, Any]]]] = {
    "another chunk of a bot": lambda s: s.add_chunk(1),
    "the removal of a chunk": lambda s: s.sessions.forget_chunk(s.chunk_id),
    "the publication of a session": Scene.publish,
    "the first chunk of another type": lambda s: s.sessions.ensure_session(
        s.owner, "uid", NewUpload("video", "local"), LIMITS, due_in_seconds=60
    ),
    "another upload": lambda s: s.uploads.add_upload(s.owner, s.recording_id, SOUND, LIMITS),
    "the completion of an upload": Scene.complete,
    "the removal of an upload by its client": lambda s: s.uploads.remove_upload(s.owner, s.recording_id, s.pending.id),
    "the removal of an upload that never came": lambda s: s.writers.drop_upload(s.pending.id),
    "an object that has changed": lambda s: s.catalog.record_object_version(
        s.stored, size=6, etag="other", object_modified_at=NOW
    ),
    "a file that was measured again": lambda s: s.audit.correct_media(
        s.stored, measured(s.stored, s.stored.object_key, 6)
    ),
    "the import of a finished session": Scene.finish_session,
    "a new transcript": lambda s: s.edits.replace_transcript(s.owner, s.recording_id, HELLO),
    "a move from Vexa": Scene.move,
    "the deletion of the recording": lambda s: s.catalog.delete_recording(s.owner, s.recording_id),
    "the deletion of the account": lambda s: s.users.delete_user(s.owner.user_id),
}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_that_waits_for_the_recording_holds_nothing_of_it(scene: Scene, operation: str) -> None:
    hold = "SELECT FROM recordings WHERE id = $1 FOR UPDATE"
    async with waiting(scene, OPERATIONS[operation](scene), hold, scene.recording_id) as connection:
        for table in LATER:
            await connection.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT")
        # What counts bytes refers to the user, and so does every other deletion of the account.
        await connection.execute("SELECT FROM users FOR KEY SHARE NOWAIT")


async def test_an_interrupted_deletion_of_an_account_is_finished_by_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "RECORDINGS_AT_A_TIME", 1)
    for key in ("a", "b"):
        await scene.catalog.register(scene.owner, NewMedia("audio", "mp3", "audio/mpeg", "local", key, 9, "e", NOW))
    async with held(scene) as connection:
        await connection.execute("SELECT FROM recordings WHERE id = $1 FOR UPDATE", scene.recording_id)
        deletion = asyncio.create_task(scene.users.delete_user(scene.owner.user_id))
        await until_blocked(scene, deletion, connection)
        deletion.cancel()
        with pytest.raises(asyncio.CancelledError):
            await deletion
    assert await scene.users.find_user("owner@example.org") is not None
    assert await scene.users.delete_user(scene.owner.user_id)
    assert await scene.users.list_users() == ()
    assert await scene.pool.fetchval("SELECT count(*) FROM recordings") == 0


async def test_the_deletion_of_an_account_locks_its_meetings_by_their_ids(scene: Scene) -> None:
    add = "INSERT INTO meetings (user_id, live, platform, native_meeting_id) VALUES ($1, true, 'zoom', $2) RETURNING id"
    owner = await scene.pool.fetchval("INSERT INTO users (email) VALUES ('other@example.org') RETURNING id")
    first, second = sorted([await scene.pool.fetchval(add, owner, name) for name in ("a", "b")])
    # The first is stored after the second from here on.
    await scene.pool.execute("UPDATE meetings SET native_meeting_id = 'c' WHERE id = $1", first)
    hold = "SELECT FROM meetings WHERE id = $1 FOR UPDATE"
    async with waiting(scene, scene.users.delete_user(owner), hold, first) as connection:
        await connection.execute("SELECT FROM meetings WHERE id = $1 FOR UPDATE NOWAIT", second)


async def test_a_reservation_that_waits_for_its_account_holds_no_other_one(scene: Scene) -> None:
    async def reserve(before: Reservation) -> Reservation:
        return await scene.reservations.reserve(
            scene.owner, before, LIMITED, needed=1, wanted=1, replaces=None, lease_seconds=60
        )

    first = await reserve(Reservation())
    await scene.pool.execute("UPDATE upload_reservations SET expires_at = now()")
    hold = "SELECT FROM users WHERE id = $1 FOR UPDATE"
    async with waiting(scene, reserve(first), hold, scene.owner.user_id) as connection:
        await connection.execute("SELECT FROM upload_reservations FOR UPDATE NOWAIT")
    assert await scene.pool.fetchval("SELECT count(*) FROM upload_reservations") == 1


async def test_an_import_that_waits_for_a_meeting_has_added_no_segments_to_it(scene: Scene) -> None:
    async def bring(key: str, segments: Sequence[Segment]) -> None:
        media = NewMedia("audio", "mp3", "audio/mpeg", "local", key, 9, "e", NOW, 9.0, None)
        await scene.catalog.register(scene.owner, media, meeting=NewMeeting("zoom", "1", segments))

    await bring("first", ())
    async with waiting(scene, bring("second", HELLO), "SELECT FROM meetings FOR NO KEY UPDATE") as connection:
        await connection.execute("SET LOCAL lock_timeout = 1")
        await connection.execute(ADD_SEGMENT)


async def test_the_first_chunks_of_a_session_do_not_hold_it_before_its_recording(scene: Scene) -> None:
    add = "INSERT INTO bot_sessions (user_id, live, session_uid) VALUES ($1, true, 'new')"
    arrive = scene.sessions.ensure_session(scene.owner, "new", SOUND, LIMITS, due_in_seconds=60)
    async with asyncio.TaskGroup() as tasks, held(scene) as other:
        # A statement that reads media files waits from here on.
        await other.execute("LOCK TABLE media_files IN ACCESS EXCLUSIVE MODE")
        async with scene.pool.acquire() as first, first.transaction():
            await first.execute(add, scene.owner.user_id)
            task = tasks.create_task(arrive)
            await until_blocked(scene, task, first)
            await first.execute(CREATE_SESSION_RECORDING, scene.owner.user_id)
        await until_blocked(scene, task, other)
        await other.execute("SELECT FROM bot_sessions WHERE session_uid = 'new' FOR UPDATE NOWAIT")
