"""Pending media files in PostgreSQL: limits, and races of publication, completion, deletion and removal of abandoned files."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from gateway.catalog import (
    MediaFile,
    NewMedia,
    NewUpload,
    Owner,
    Publication,
    Reservation,
    UploadLimits,
    VerifiedUpload,
)
from gateway.db.api_keys import PgApiKeys
from gateway.db.deletions import PgDeletionQueue
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.upload_reservations import PgUploadReservations
from gateway.db.upload_writers import PgUploadWriters
from gateway.db.uploads import PgUploads
from gateway.errors import Busy, Conflict, Invalid, NotFound, Refusal

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LIMITS = UploadLimits(max_media_per_recording=3, max_total_bytes_per_account=None)
SOUND = NewUpload("audio", "local")
COUNT_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
ADD_RECORDING = """
    INSERT INTO recordings (user_id, live, source, status) VALUES ($1, $2, 'upload', 'pending') RETURNING id
"""


class Room:
    """The uploads, catalogue and queue over an empty database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.uploads = PgUploads(pool)
        self.writers = PgUploadWriters(pool)
        self.reservations = PgUploadReservations(pool)
        self.catalog = PgRecordingCatalog(pool)
        self.queue = PgDeletionQueue(pool)

    async def owner(self, email: str = "owner@example.org", *, live: bool = True) -> Owner:
        return Owner(await PgApiKeys(self.pool).ensure_user(email), live)

    async def recording(self, owner: Owner) -> int:
        return int(await self.pool.fetchval(ADD_RECORDING, owner.user_id, owner.live))

    async def added(self, upload: NewUpload = SOUND, limits: UploadLimits = LIMITS) -> tuple[Owner, MediaFile]:
        owner = await self.owner()
        media = await self.uploads.add_upload(owner, await self.recording(owner), upload, limits)
        assert media is not None
        return owner, media


@pytest.fixture
def room(pool: asyncpg.Pool) -> Room:
    return Room(pool)


def found(media: MediaFile, size: int = 10, **changes: str | None) -> VerifiedUpload:
    place = (media.storage, media.object_key)
    new = NewMedia(media.type, "mp3", "audio/mpeg", *place, size, "verified", NOW, 2.5, {"codec": "mp3"})
    return VerifiedUpload(media.id, changes.get("expected_etag", media.etag), new)


async def test_an_upload_is_pending_and_its_key_consists_of_ids(room: Room) -> None:
    owner, media = await room.added(NewUpload("video", "s3", "video/mp4", 99, NOW, NOW))
    assert media.object_key == f"uploads/{owner.user_id}/{media.id}"
    assert (media.status, media.type, media.storage, media.content_type) == ("pending", "video", "s3", "video/mp4")
    assert (media.size, media.captured_at, media.etag) == (99, NOW, None)
    assert await room.catalog.find_media_file(owner, media.recording_id, media.id) == media


async def test_an_upload_to_another_owners_recording_is_refused(room: Room) -> None:
    owner, media = await room.added()
    for stranger in (await room.owner("other@example.org"), await room.owner(live=False)):
        assert await room.uploads.add_upload(stranger, media.recording_id, SOUND, LIMITS) is None
        assert not await room.uploads.complete_uploads(stranger, media.recording_id, [found(media)], LIMITS)
        assert not await room.uploads.remove_upload(stranger, media.recording_id, media.id)
        with pytest.raises(NotFound):
            await begin(room, stranger, media)
    assert await room.uploads.add_upload(owner, 10**30, SOUND, LIMITS) is None
    assert await room.catalog.find_media_file(owner, media.recording_id, media.id) == media


async def begin(room: Room, owner: Owner, media: MediaFile) -> Publication:
    """Become the writer and begin to publish."""
    writer = await room.writers.begin_writing(media.id, lease_seconds=60)
    assert writer is not None
    try:
        return await room.writers.begin_publishing(owner, media, writer, lease_seconds=60)
    except Refusal:
        await room.writers.end_writing(media.id, writer)
        raise


async def publish(room: Room, owner: Owner, media: MediaFile, etag: str) -> None:
    publication = await begin(room, owner, media)
    await room.writers.record_publication(media, publication, etag=etag, object_modified_at=NOW)
    await room.writers.end_writing(media.id, 1)


async def test_completion_stores_what_was_verified(room: Room) -> None:
    owner, media = await room.added()
    assert await room.uploads.complete_uploads(owner, media.recording_id, [found(media)], LIMITS)
    recording = await room.catalog.find_recording(owner, media.recording_id)
    assert recording is not None
    assert (recording.status, recording.completed_at) == ("uploaded", None)
    (done,) = recording.media_files
    assert (done.status, done.format, done.content_type, done.size) == ("uploaded", "mp3", "audio/mpeg", 10)
    assert (done.etag, done.duration_seconds, done.metadata) == ("verified", 2.5, {"codec": "mp3"})
    with pytest.raises(Conflict):
        await begin(room, owner, media)
    assert not await room.uploads.remove_upload(owner, media.recording_id, media.id)


async def test_a_version_published_in_the_meantime_is_not_completed(room: Room) -> None:
    owner, media = await room.added()
    await publish(room, owner, media, "newer")
    assert not await room.uploads.complete_uploads(owner, media.recording_id, [found(media)], LIMITS)
    newer = found(media, expected_etag="newer")
    assert await room.uploads.complete_uploads(owner, media.recording_id, [newer], LIMITS)


async def test_either_all_uploads_are_completed_or_none(room: Room) -> None:
    owner, first = await room.added()
    second = await room.uploads.add_upload(owner, first.recording_id, SOUND, LIMITS)
    assert second is not None
    both = [found(first), found(second, expected_etag="another")]
    assert not await room.uploads.complete_uploads(owner, first.recording_id, both, LIMITS)
    recording = await room.catalog.find_recording(owner, first.recording_id)
    assert recording is not None
    assert (recording.status, {media.status for media in recording.media_files}) == ("pending", {"pending"})


async def test_an_upload_is_not_completed_while_it_is_published(room: Room) -> None:
    owner, media = await room.added()
    publication = await begin(room, owner, media)
    assert not await room.uploads.complete_uploads(owner, media.recording_id, [found(media)], LIMITS)
    await room.writers.record_publication(media, publication, etag="published", object_modified_at=NOW)
    await room.writers.end_writing(media.id, 1)
    published = found(media, expected_etag="published")
    assert await room.uploads.complete_uploads(owner, media.recording_id, [published], LIMITS)


async def test_an_upload_whose_publisher_died_is_completed_when_its_lease_ended(room: Room) -> None:
    owner, media = await room.added()
    await begin(room, owner, media)
    await room.pool.execute("UPDATE upload_writers SET leased_until = now()")
    assert await room.uploads.complete_uploads(owner, media.recording_id, [found(media)], LIMITS)


@pytest.mark.parametrize("act", ["delete", "remove"])
async def test_the_object_of_an_upload_that_is_deleted_while_it_is_published_is_deleted_afterwards(
    room: Room, act: str
) -> None:
    owner, media = await room.added()
    publication = await begin(room, owner, media)
    if act == "delete":
        assert await room.catalog.delete_recording(owner, media.recording_id)
    else:
        assert await room.uploads.remove_upload(owner, media.recording_id, media.id)
    assert not await room.queue.claim_deletions(limit=9, lease_seconds=1)
    with pytest.raises(NotFound):
        await room.writers.record_publication(media, publication, etag="published", object_modified_at=NOW)
    (deletion,) = await room.queue.claim_deletions(limit=9, lease_seconds=1)
    assert (deletion.storage, deletion.object_key) == (media.storage, media.object_key)


async def test_a_published_upload_is_deleted_without_waiting(room: Room) -> None:
    owner, media = await room.added()
    await publish(room, owner, media, "published")
    assert await room.uploads.remove_upload(owner, media.recording_id, media.id)
    assert len(await room.queue.claim_deletions(limit=9, lease_seconds=1)) == 1


async def test_a_writer_that_lost_its_lease_publishes_nothing(room: Room) -> None:
    owner, media = await room.added()
    assert await room.writers.begin_writing(media.id, lease_seconds=0) == 1
    assert await room.writers.begin_writing(media.id, lease_seconds=60) == 2
    with pytest.raises(Busy):
        await room.writers.begin_publishing(owner, media, 1, lease_seconds=60)
    await room.writers.begin_publishing(owner, media, 2, lease_seconds=60)


async def test_old_uploads_are_removed_unless_they_are_published(room: Room) -> None:
    owner, media = await room.added()
    assert await room.uploads.remove_abandoned_uploads(older_than_seconds=3600, limit=9) == 0
    publication = await begin(room, owner, media)
    assert await room.uploads.remove_abandoned_uploads(older_than_seconds=0, limit=9) == 0
    await room.writers.record_publication(media, publication, etag="published", object_modified_at=NOW)
    await room.writers.end_writing(media.id, 1)
    _, completed = await room.added()
    assert await room.uploads.complete_uploads(owner, completed.recording_id, [found(completed)], LIMITS)
    assert await room.uploads.remove_abandoned_uploads(older_than_seconds=0, limit=9) == 1
    (deletion,) = await room.queue.claim_deletions(limit=9, lease_seconds=1)
    assert (deletion.storage, deletion.object_key) == (media.storage, media.object_key)
    assert await room.catalog.find_media_file(owner, completed.recording_id, completed.id) is not None


async def test_abandoned_uploads_are_removed_in_batches(room: Room) -> None:
    for _ in range(5):
        await room.added()
    assert [await room.uploads.remove_abandoned_uploads(older_than_seconds=0, limit=2) for _ in range(4)] == [
        2,
        2,
        1,
        0,
    ]


async def test_a_deletion_is_due_when_no_url_can_bring_the_object_back(room: Room) -> None:
    owner, media = await room.added(NewUpload("audio", "s3", upload_expires_at=datetime.now(UTC) + timedelta(hours=1)))
    past = NewUpload("audio", "s3", upload_expires_at=datetime.now(UTC) - timedelta(hours=1))
    _, expired = await room.added(past)
    for each in (media, expired):
        assert await room.catalog.delete_recording(owner, each.recording_id)
    claimed = await room.queue.claim_deletions(limit=9, lease_seconds=1)
    assert [deletion.object_key for deletion in claimed] == [expired.object_key]
    assert await room.queue.count_deletions() == 2


async def test_concurrent_uploads_cannot_exceed_the_file_limit_of_a_recording(room: Room) -> None:
    owner, media = await room.added()
    adding = (room.uploads.add_upload(owner, media.recording_id, SOUND, LIMITS) for _ in range(8))
    responses = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(response) for response in responses if not isinstance(response, MediaFile)] == [Invalid] * 6


async def test_concurrent_uploads_cannot_exceed_the_byte_limit_of_an_account(room: Room) -> None:
    limits = UploadLimits(max_media_per_recording=99, max_total_bytes_per_account=100)
    owner, media = await room.added(NewUpload("audio", "local", size=40), limits)
    adding = (
        room.uploads.add_upload(owner, media.recording_id, NewUpload("audio", "local", size=20), limits)
        for _ in range(8)
    )
    responses = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(response) for response in responses if not isinstance(response, MediaFile)] == [Invalid] * 5
    other = await room.owner("other@example.org")
    assert await room.uploads.add_upload(
        other, await room.recording(other), NewUpload("audio", "local", size=100), limits
    )


async def test_undeclared_bytes_count_on_completion(room: Room) -> None:
    limits = UploadLimits(max_media_per_recording=99, max_total_bytes_per_account=100)
    owner, media = await room.added(limits=limits)
    with pytest.raises(Invalid):
        await room.uploads.complete_uploads(owner, media.recording_id, [found(media, size=101)], limits)
    assert await room.catalog.find_media_file(owner, media.recording_id, media.id) == media
    assert await room.uploads.complete_uploads(owner, media.recording_id, [found(media, size=100)], limits)


async def test_a_completed_recording_keeps_its_status(room: Room) -> None:
    owner, media = await room.added()
    assert await room.uploads.complete_uploads(owner, media.recording_id, [found(media)], LIMITS)
    await room.pool.execute("UPDATE recordings SET status = 'completed', completed_at = now()")
    more = await room.uploads.add_upload(owner, media.recording_id, SOUND, LIMITS)
    assert more is not None
    assert await room.uploads.complete_uploads(owner, media.recording_id, [found(more)], LIMITS)
    recording = await room.catalog.find_recording(owner, media.recording_id)
    assert recording is not None
    assert recording.status == "completed"
    assert recording.completed_at is not None


NOTHING = Reservation()
LIMITED = UploadLimits(max_media_per_recording=99, max_total_bytes_per_account=100)


async def reserve(
    room: Room, owner: Owner, needed: int, wanted: int, before: Reservation = NOTHING, replaces: int | None = None
) -> Reservation:
    return await room.reservations.reserve(
        owner, before, LIMITED, needed=needed, wanted=wanted, replaces=replaces, lease_seconds=60
    )


async def test_reserved_bytes_count_until_they_are_released(room: Room) -> None:
    owner, media = await room.added(NewUpload("audio", "local", size=40), LIMITED)
    first = await reserve(room, owner, 50, 50)
    assert first.granted == 50
    with pytest.raises(Invalid):
        await room.uploads.add_upload(owner, media.recording_id, NewUpload("audio", "local", size=11), LIMITED)
    more = await reserve(room, owner, 60, 999, first)
    assert more.granted == 60
    with pytest.raises(Invalid):
        await reserve(room, owner, 61, 61, more)
    await room.reservations.release(more)
    assert await room.uploads.add_upload(owner, media.recording_id, NewUpload("audio", "local", size=60), LIMITED)


async def test_an_upload_reserves_a_part_of_the_room_ahead(room: Room) -> None:
    assert (await reserve(room, await room.owner(), 20, 999)).granted == 30


async def test_concurrent_reservations_cannot_exceed_the_byte_limit_of_an_account(room: Room) -> None:
    owner = await room.owner()
    responses = await asyncio.gather(*(reserve(room, owner, 30, 30) for _ in range(8)), return_exceptions=True)
    assert [type(response) for response in responses if not isinstance(response, Reservation)] == [Invalid] * 5


async def test_an_upload_that_replaces_another_needs_room_for_the_difference(room: Room) -> None:
    owner, media = await room.added(limits=LIMITED)
    await room.writers.record_stored(owner, media.id, 70, LIMITED)
    assert (await reserve(room, owner, 100, 999, replaces=media.id)).granted == 100


async def test_the_reservation_of_a_gateway_that_died_ends(room: Room) -> None:
    owner = await room.owner()
    await reserve(room, owner, 100, 100)
    await room.pool.execute("UPDATE upload_reservations SET expires_at = now()")
    assert (await reserve(room, owner, 100, 100)).granted == 100
    assert await room.pool.fetchval("SELECT count(*) FROM upload_reservations") == 1


@pytest.mark.parametrize("how", ["by its client", "because it never came", "because it was abandoned"])
async def test_a_removal_during_a_completion_does_not_block_it(room: Room, how: str) -> None:
    owner, media = await room.added()
    removals: dict[str, Callable[[], Coroutine[None, None, int]]] = {
        "by its client": lambda: room.uploads.remove_upload(owner, media.recording_id, media.id),
        "because it never came": lambda: room.writers.drop_upload(media.id),
        "because it was abandoned": lambda: room.uploads.remove_abandoned_uploads(older_than_seconds=0, limit=9),
    }
    async with room.pool.acquire() as connection, connection.transaction():
        await connection.fetch(PgUploads.LOCK_RECORDING, owner.user_id, owner.live, media.recording_id)
        removal = asyncio.create_task(removals[how]())
        while not removal.done() and not await room.pool.fetchval(COUNT_WAITING):  # noqa: ASYNC110 - the server announces nothing
            await asyncio.sleep(0.01)
        await connection.fetch(PgUploads.LOCK_MEDIA_FILES, [media.id])
        await connection.execute(
            "UPDATE media_files SET status = 'uploaded', size = 1, etag = 'e', object_modified_at = now() WHERE id = $1",
            media.id,
        )
    assert not await removal
