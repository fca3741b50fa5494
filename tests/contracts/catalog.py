"""The contract of RecordingCatalog's look-ups, for every implementation: what is found, in which order, and by which owner.

A subclass is named `Test…` and has the fixture `stores`, a new and empty catalogue (`catalog_stores.Stores`). The other
catalogue contracts use the same fixture.
"""

from dataclasses import replace

import pytest

from gateway.catalog import MediaType, NewMeeting, Owner, Segment
from tests.contracts.catalog_stores import ABSENT_IDS, MODIFIED, UNSTORABLE_IDS, Stores, new_media

MEETING = NewMeeting(
    "google_meet",
    "abc-defg-hij",
    (Segment(4.5, 6, "second", "Ann", "en"), Segment(0, 4.5, "first"), Segment(4.5, 5, "third")),
)


class CatalogContract:
    async def test_every_look_up_finds_a_registered_file(self, stores: Stores) -> None:
        catalog, owner = stores.catalog, await stores.owner()
        file, _ = await catalog.register(owner, new_media(), name="Standup")
        recording = await catalog.find_recording(owner, file.recording_id)
        assert recording is not None
        assert recording.media_files == (file,)
        assert (recording.name, recording.status, recording.source) == ("Standup", "completed", "upload")
        assert list(await catalog.list_recordings(owner, limit=1, offset=0)) == [recording]
        assert await catalog.find_media_file(owner, recording.id, file.id) == file
        assert await catalog.find_master(owner, recording.id, "audio") == file
        assert await catalog.find_owner(recording.id, file.id) == owner

    async def test_a_media_file_has_the_values_that_were_measured(self, stores: Stores) -> None:
        media = new_media()
        file, _ = await stores.catalog.register(await stores.owner(), media)
        names = set(type(media).__slots__) - {"session"}
        assert {name: getattr(file, name) for name in names} == {name: getattr(media, name) for name in names}
        assert (file.status, file.captured_at) == ("uploaded", None)
        assert file.created_at.tzinfo is not None

    async def test_ids_are_twelve_digits(self, stores: Stores) -> None:
        recording = await stores.added(await stores.owner())
        for id in (recording.id, recording.media_files[0].id, recording.owner.user_id):
            assert len(str(id)) == 12

    async def test_the_list_is_newest_first_and_its_pages_neither_overlap_nor_skip(self, stores: Stores) -> None:
        owner = await stores.owner()
        added = [await stores.added(owner, f"{number}.mp3") for number in range(7)]
        pages = [await stores.catalog.list_recordings(owner, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
        assert [len(page) for page in pages] == [3, 3, 1, 0]
        in_order = sorted(added, key=lambda each: (each.created_at, each.id), reverse=True)
        assert [each for page in pages for each in page] == in_order

    async def test_a_list_can_be_limited_to_one_meeting(self, stores: Stores) -> None:
        owner = await stores.owner()
        await stores.added(owner, "elsewhere.mp3")
        older = await stores.added(owner, "older.mp3", meeting=MEETING)
        newer = await stores.added(owner, "newer.mp3", meeting=MEETING)
        assert older.meeting_id == newer.meeting_id is not None
        listed = await stores.catalog.list_recordings(owner, limit=9, offset=0, meeting_id=older.meeting_id)
        assert list(listed) == [newer, older]
        assert list(await stores.catalog.list_recordings(owner, limit=1, offset=1, meeting_id=older.meeting_id)) == [
            older
        ]

    async def test_another_owners_recording_is_not_found(self, stores: Stores) -> None:
        recording = await stores.added(await stores.owner(), meeting=MEETING)
        file = recording.media_files[0]
        for stranger in await stores.strangers():
            await self._sees_nothing(stores, stranger, recording.id, file.id, recording.meeting_id)
        assert await stores.catalog.find_recording(recording.owner, recording.id) == recording

    async def test_an_absent_id_is_not_found(self, stores: Stores) -> None:
        owner = await stores.owner()
        for absent in ABSENT_IDS:
            await self._sees_nothing(stores, owner, absent, absent, absent)

    async def _sees_nothing(
        self, stores: Stores, owner: Owner, recording_id: int, media_file_id: int, meeting_id: int | None
    ) -> None:
        catalog = stores.catalog
        assert not await catalog.list_recordings(owner, limit=9, offset=0)
        assert not await catalog.list_recordings(owner, limit=9, offset=0, meeting_id=meeting_id)
        assert await catalog.find_recording(owner, recording_id) is None
        assert await catalog.find_media_file(owner, recording_id, media_file_id) is None
        assert await catalog.find_master(owner, recording_id, "audio") is None
        assert await catalog.find_transcript(owner, MEETING.platform, MEETING.native_meeting_id) is None
        assert await catalog.find_transcript_of(owner, recording_id) is None
        assert not await catalog.delete_recording(owner, recording_id)

    async def test_look_ups_accept_values_that_cannot_be_stored(self, stores: Stores) -> None:
        owner, recording = await stores.owner(), await stores.added(await stores.owner())
        for number in UNSTORABLE_IDS:
            assert await stores.catalog.find_media_file(owner, recording.id, number) is None
            assert await stores.catalog.find_media_file(owner, number, recording.media_files[0].id) is None
            assert await stores.catalog.find_owner(recording.id, number) is None
        assert not await stores.catalog.list_recordings(owner, limit=9, offset=10**400)
        for text in ("\0", "\udc80", "x" * 10_000):
            assert await stores.catalog.find_transcript(owner, text, "n") is None
            assert await stores.catalog.find_transcript(owner, "p", text) is None

    async def test_a_media_file_is_found_only_in_its_own_recording(self, stores: Stores) -> None:
        owner = await stores.owner()
        first, second = await stores.added(owner, "1.mp3"), await stores.added(owner, "2.mp3")
        assert await stores.catalog.find_media_file(owner, first.id, second.media_files[0].id) is None
        assert await stores.catalog.find_owner(first.id, second.media_files[0].id) is None

    @pytest.mark.parametrize(("media_type", "found"), [("video", 1), ("audio", 0), ("image", 0)])
    async def test_a_master_has_the_requested_type(self, stores: Stores, media_type: MediaType, found: int) -> None:
        owner = await stores.owner()
        file, _ = await stores.catalog.register(owner, new_media(type="video", format="mp4"))
        assert await stores.catalog.find_master(owner, file.recording_id, media_type) == (file if found else None)

    async def test_a_new_object_version_is_stored(self, stores: Stores) -> None:
        owner, recording = await stores.owner(), await stores.added(await stores.owner())
        file, later = recording.media_files[0], MODIFIED.replace(year=2027)
        untouched = await stores.added(owner, "other.mp3")
        await stores.catalog.record_object_version(file, size=7, etag="new", object_modified_at=later)
        found = await stores.catalog.find_media_file(owner, recording.id, file.id)
        assert found is not None
        assert (found.size, found.etag, found.object_modified_at, found.format) == (7, "new", later, file.format)
        assert await stores.catalog.find_recording(owner, untouched.id) == untouched

    async def test_a_missing_object_is_flagged_once_and_cleared_by_its_next_version(self, stores: Stores) -> None:
        owner, recording = await stores.owner(), await stores.added(await stores.owner())
        file = recording.media_files[0]
        flags = []
        for _ in range(2):
            await stores.catalog.record_missing(file)
            flagged = await stores.catalog.find_media_file(owner, recording.id, file.id)
            assert flagged is not None
            flags.append(flagged.missing_at)
        assert flags[0] is not None
        assert flags[0] == flags[1]
        await stores.catalog.record_object_version(file, size=7, etag="new", object_modified_at=MODIFIED)
        found = await stores.catalog.find_media_file(owner, recording.id, file.id)
        assert found is not None
        assert found.missing_at is None

    async def test_a_transcript_has_its_segments_in_order_and_its_recordings_newest_first(self, stores: Stores) -> None:
        owner = await stores.owner()
        older = await stores.added(owner, "older.mp3", meeting=MEETING)
        newer = await stores.added(owner, "newer.mp3", meeting=MEETING)
        transcript = await stores.catalog.find_transcript(owner, MEETING.platform, MEETING.native_meeting_id)
        assert transcript is not None
        second, first, third = MEETING.segments
        assert transcript.segments == (first, second, third)
        assert transcript.recordings == (newer, older)
        assert (transcript.meeting.id, transcript.meeting.owner) == (older.meeting_id, owner)
        for recording in (older, newer):
            assert await stores.catalog.find_transcript_of(owner, recording.id) == transcript

    async def test_a_meeting_of_a_room_is_found_by_its_id(self, stores: Stores) -> None:
        owner = await stores.owner()
        recording = await stores.added(owner, meeting=MEETING)
        key = (MEETING.platform, MEETING.native_meeting_id)
        newest = await stores.catalog.find_transcript(owner, *key)
        assert newest is not None
        assert await stores.catalog.find_transcript(owner, *key, recording.meeting_id) == newest
        for other in ABSENT_IDS:
            assert await stores.catalog.find_transcript(owner, *key, other) is None
        assert await stores.catalog.find_transcript(owner, "zoom", "another", recording.meeting_id) is None

    async def test_a_recording_without_a_meeting_has_no_transcript(self, stores: Stores) -> None:
        owner = await stores.owner()
        recording = await stores.added(owner)
        assert await stores.catalog.find_transcript_of(owner, recording.id) is None
        assert await stores.catalog.find_transcript_version_of(owner, recording.id) is None

    async def test_the_version_of_a_transcript_changes_with_what_it_contains(self, stores: Stores) -> None:
        owner, stranger = await stores.owner(), await stores.owner("other@example.org")
        key = (MEETING.platform, MEETING.native_meeting_id)
        assert await stores.catalog.find_transcript_version(owner, *key) is None
        recording = await stores.added(owner, meeting=replace(MEETING, segments=MEETING.segments[:1]))
        first = await stores.catalog.find_transcript_version(owner, *key)
        assert first == await stores.catalog.find_transcript_version_of(owner, recording.id) is not None
        assert await stores.catalog.find_transcript_version(owner, *key, recording.meeting_id) == first
        assert await stores.catalog.find_transcript_version_of(stranger, recording.id) is None
        for other in ABSENT_IDS:
            assert await stores.catalog.find_transcript_version(owner, *key, other) is None
            assert await stores.catalog.find_transcript_version_of(owner, other) is None
        another = await stores.added(owner, "another.mp3", meeting=MEETING)
        second = await stores.catalog.find_transcript_version(owner, *key)
        (media,) = another.media_files
        await stores.catalog.record_missing(media)
        third = await stores.catalog.find_transcript_version(owner, *key)
        assert await stores.catalog.delete_recording(owner, another.id)
        assert len({first, second, third, await stores.catalog.find_transcript_version(owner, *key)}) == 4

    async def test_a_longer_transcript_keeps_the_old_segments_and_adds_the_new_ones(self, stores: Stores) -> None:
        owner = await stores.owner()
        for number in (1, 3, 3, 0):
            said = NewMeeting(MEETING.platform, MEETING.native_meeting_id, MEETING.segments[:number])
            await stores.added(owner, f"{len(await self._all(stores, owner))}.mp3", meeting=said)
        transcript = await stores.catalog.find_transcript(owner, MEETING.platform, MEETING.native_meeting_id)
        assert transcript is not None
        assert len(transcript.segments) == 3

    async def _all(self, stores: Stores, owner: Owner) -> list[int]:
        return [each.id for each in await stores.catalog.list_recordings(owner, limit=100, offset=0)]
