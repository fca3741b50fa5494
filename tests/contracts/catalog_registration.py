"""The contract of registration: an object is registered once, for one owner, or not at all."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalog import NewMeeting, Segment
from gateway.errors import Conflict, Invalid
from tests.contracts.catalog_stores import Stores, new_media

# JSON has one kind of number: a float beyond 2**53 may come back as the integer that its digits spell.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-(2.0**53), 2.0**53) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


class RegistrationContract:
    async def test_registering_an_object_again_returns_the_existing_file(self, stores: Stores) -> None:
        owner = await stores.owner()
        file, is_new = await stores.catalog.register(owner, new_media())
        assert is_new
        assert await stores.catalog.register(owner, new_media(size=1), name="again") == (file, False)
        assert len(await stores.catalog.list_recordings(owner, limit=9, offset=0)) == 1

    async def test_one_key_in_two_storage_backends_is_two_objects(self, stores: Stores) -> None:
        owner = await stores.owner()
        await stores.catalog.register(owner, new_media())
        _, is_new = await stores.catalog.register(owner, new_media(storage="s3"))
        assert is_new

    async def test_concurrent_registrations_of_one_object_add_one_recording(self, stores: Stores) -> None:
        owner = await stores.owner()
        meeting = NewMeeting("zoom", "1", (Segment(0, 1, "hi"),))
        responses = await asyncio.gather(
            *(stores.catalog.register(owner, new_media(), meeting=meeting) for _ in range(10))
        )
        assert sorted(is_new for _, is_new in responses) == [False] * 9 + [True]
        assert len({file.id for file, _ in responses}) == 1
        assert len(await stores.catalog.list_recordings(owner, limit=99, offset=0)) == 1

    async def test_concurrent_registrations_of_one_meeting_create_one_meeting(self, stores: Stores) -> None:
        owner = await stores.owner()
        meeting = NewMeeting("zoom", "1", (Segment(0, 1, "hi"),))
        await asyncio.gather(*(stores.added(owner, f"{number}.mp3", meeting=meeting) for number in range(10)))
        transcript = await stores.catalog.find_transcript(owner, "zoom", "1")
        assert transcript is not None
        assert len(transcript.recordings) == 10
        assert transcript.segments == (Segment(0, 1, "hi"),)

    async def test_registering_another_owners_object_is_a_conflict_and_stores_nothing(self, stores: Stores) -> None:
        await stores.added(await stores.owner())
        for stranger in await stores.strangers():
            with pytest.raises(Conflict):
                await stores.catalog.register(stranger, new_media(), meeting=NewMeeting("zoom", "1"))
            assert not await stores.catalog.list_recordings(stranger, limit=9, offset=0)
            assert await stores.catalog.find_transcript(stranger, "zoom", "1") is None

    @pytest.mark.parametrize("place", ["name", "object_key", "segment"])
    async def test_a_nul_is_refused_and_nothing_is_stored(self, stores: Stores, place: str) -> None:
        owner, bad = await stores.owner(), "n\0l"
        with pytest.raises(Invalid):
            await stores.catalog.register(
                owner,
                new_media(bad if place == "object_key" else "a.mp3"),
                name=bad if place == "name" else None,
                meeting=NewMeeting("zoom", "1", (Segment(0, 1, bad),)) if place == "segment" else None,
            )
        assert not await stores.catalog.list_recordings(owner, limit=9, offset=0)
        assert await stores.catalog.find_transcript(owner, "zoom", "1") is None

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(metadata=st.dictionaries(TEXTS, VALUES, max_size=4), name=TEXTS)
    async def test_names_and_metadata_come_back_unchanged(
        self, stores: Stores, metadata: dict[str, object], name: str
    ) -> None:
        owner = await stores.owner()
        media = new_media(json.dumps([metadata, name]), metadata=metadata)
        file, _ = await stores.catalog.register(owner, media, name=name)
        assert file.metadata == metadata
        recording = await stores.catalog.find_recording(owner, file.recording_id)
        assert recording is not None
        assert recording.name == name
        assert recording.media_files[0].metadata == metadata
