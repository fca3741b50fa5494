"""The contract of ClientRecordings, for every implementation: pages by filter and cursor, creations that may be repeated.

A subclass has two fixtures: `stores`, a new and empty catalogue (`catalog_stores.Stores`), and `recordings`, the
ClientRecordings of the same catalogue.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from math import inf
from typing import Any, Final, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalog import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Owner,
    Position,
    Recording,
    RecordingFilter,
    RecordingSort,
    RecordingStatus,
)
from gateway.errors import Conflict, Invalid
from tests.contracts.catalog_stores import Stores, new_media

ALL: Final = RecordingFilter()
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
DESCRIBED: Final = NewRecording(
    name="Überprüfung ☃",
    device_id="device",
    end_user_id="user",
    metadata='{"n": 1.10, "big": 123456789012345678901234567890, "z": "\\u0000"}',
    started_at=datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC),
    ended_at=datetime(2026, 1, 31, 10, 0, tzinfo=UTC),
)


def key(text: str = "key", request: str = "request") -> IdempotencyKey:
    return IdempotencyKey(text, sha256(request.encode()).digest())


async def created(recordings: ClientRecordings, owner: Owner, count: int, **members: Any) -> list[Recording]:
    """Create `count` recordings and return them, newest first."""
    made = [await recordings.create_recording(owner, NewRecording(**members)) for _ in range(count)]
    return sorted(made, key=lambda each: (each.created_at, each.id), reverse=True)


async def listed(
    recordings: ClientRecordings, owner: Owner, wanted: RecordingFilter = ALL, limit: int = 9, offset: int = 0
) -> Sequence[Recording]:
    return (await recordings.list_page(owner, wanted, limit=limit, offset=offset)).recordings


class ClientRecordingsContract:
    async def test_a_recording_is_created_as_described(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        made = await recordings.create_recording(owner, DESCRIBED)
        assert {name: getattr(made, name) for name in NewRecording.__slots__} == {
            name: getattr(DESCRIBED, name) for name in NewRecording.__slots__
        }
        assert (made.owner, made.status, made.source, made.media_files) == (owner, "pending", "upload", ())
        assert made.completed_at is None
        assert await stores.catalog.find_recording(owner, made.id) == made
        assert list(await listed(recordings, owner)) == [made]

    async def test_pages_neither_overlap_nor_skip_and_only_the_last_has_no_end(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        made = await created(recordings, owner, 6)
        pages = [await recordings.list_page(owner, ALL, limit=3, offset=offset) for offset in (0, 3, 6)]
        assert [each for page in pages for each in page.recordings] == made
        assert [page.end for page in pages] == [Position(made[2].created_at, made[2].id), None, None]

    async def test_a_cursor_continues_where_the_page_ended(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        made = await created(recordings, owner, 5)
        seen: list[Recording] = []
        position: Position | None = None
        while position or not seen:
            page = await recordings.list_page(owner, RecordingFilter(older_than=position), limit=2, offset=0)
            seen, position = [*seen, *page.recordings], page.end
        assert seen == made

    async def test_recordings_with_one_timestamp_are_ordered_by_id(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        (made,) = await created(recordings, owner, 1)
        for id, expected in ((made.id, []), (made.id - 1, []), (made.id + 1, [made])):
            wanted = RecordingFilter(older_than=Position(made.created_at, id))
            assert list(await listed(recordings, owner, wanted)) == expected

    async def test_filters_are_combined_with_and(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        await stores.added(owner)
        for device, user in product(("d1", "d2", None), ("u1", "u2", None)):
            await recordings.create_recording(owner, NewRecording(device_id=device, end_user_id=user))
        everything = await listed(recordings, owner, limit=99)
        assert len(everything) == 10
        statuses: tuple[RecordingStatus | None, ...] = ("pending", "completed", None)
        for device, user, status in product(("d1", "d3", None), ("u1", None), statuses):
            wanted = RecordingFilter(device_id=device, end_user_id=user, status=status)
            expected = [
                each
                for each in everything
                if device in {None, each.device_id}
                and user in {None, each.end_user_id}
                and status in {None, each.status}
            ]
            assert list(await listed(recordings, owner, wanted, limit=99)) == expected

    async def test_both_timestamp_bounds_are_exclusive(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        (made,) = await created(recordings, owner, 1)
        at, moment = made.created_at, timedelta(microseconds=1)
        for after, before, seen in (
            (at, None, False),
            (at - moment, None, True),
            (None, at, False),
            (None, at + moment, True),
            (at - moment, at + moment, True),
            (at + moment, at - moment, False),
        ):
            wanted = RecordingFilter(created_after=after, created_before=before)
            assert bool(await listed(recordings, owner, wanted)) is seen

    async def test_a_cursor_and_a_timestamp_bound_apply_together(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        first, second, third = (await created(recordings, owner, 3))[::-1]
        cursor = RecordingFilter(older_than=Position(third.created_at, third.id))
        assert list(await listed(recordings, owner, cursor)) == [second, first]
        assert list(await listed(recordings, owner, replace(cursor, created_before=second.created_at))) == [first]
        later = replace(cursor, created_before=third.created_at + timedelta(days=1))
        assert list(await listed(recordings, owner, later)) == [second, first]

    @pytest.mark.parametrize("sort", get_args(RecordingSort))
    async def test_pages_of_every_order_are_exact_and_unknown_durations_come_last(
        self, stores: Stores, recordings: ClientRecordings, sort: RecordingSort
    ) -> None:
        owner = await stores.owner()
        durations = (3.5, 0.1, None, 3.5, 7200.123456789, None)
        for number, (type, duration) in enumerate(product(("audio", "video", "image"), durations)):
            await stores.added(owner, str(number), media=new_media(str(number), type=type, duration_seconds=duration))
        await created(recordings, owner, 3)
        everything = await listed(recordings, owner, limit=99)
        falling = sort.startswith("-")

        def place(each: Recording) -> Any:
            (duration,) = [file.duration_seconds for file in each.media_files] or [None]
            unknown = -1.0 if falling else inf
            keys = {
                "duration": unknown if duration is None else duration,
                "type": each.media_files[0].type if each.media_files else "",
                "status": each.status,
                "created_at": 0,
            }
            return keys[sort.removeprefix("-")], each.created_at, each.id

        expected = sorted(everything, key=place, reverse=falling)
        for narrowed in (RecordingFilter(), RecordingFilter(type="video"), RecordingFilter(min_duration_seconds=0.1)):
            seen: list[Recording] = []
            wanted = replace(narrowed, sort=sort)
            while wanted.older_than or not seen:
                page = await recordings.list_page(owner, wanted, limit=4, offset=0)
                seen, wanted = [*seen, *page.recordings], replace(wanted, older_than=page.end)
            assert seen == [each for each in expected if each in await listed(recordings, owner, narrowed, limit=99)]

    async def test_lists_are_filtered_by_type_and_duration(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        still = await stores.added(owner, "still", media=new_media("still", type="image", duration_seconds=None))
        both = await stores.added(owner, "sound", media=new_media("sound", duration_seconds=60.0))
        film = new_media("film", type="video", duration_seconds=61.0)
        await stores.catalog.register(owner, film, recording_id=both.id)
        for wanted, seen in (
            (RecordingFilter(type="video"), [both.id]),
            (RecordingFilter(type="audio"), []),
            (RecordingFilter(type="image"), [still.id]),
            (RecordingFilter(min_duration_seconds=0.0), [both.id]),
            (RecordingFilter(min_duration_seconds=61.0, max_duration_seconds=61.0), [both.id]),
            (RecordingFilter(min_duration_seconds=61.5), []),
            (RecordingFilter(max_duration_seconds=60.5), []),
            (RecordingFilter(max_duration_seconds=1e9, type="video", status="completed"), [both.id]),
        ):
            assert [each.id for each in await listed(recordings, owner, wanted)] == seen, wanted

    @pytest.mark.parametrize(
        "wanted",
        [
            RecordingFilter(device_id="\0"),
            RecordingFilter(end_user_id="\ud800"),
        ],
        ids=["NUL", "lone surrogate"],
    )
    async def test_a_filter_that_cannot_be_stored_finds_nothing(
        self, stores: Stores, recordings: ClientRecordings, wanted: RecordingFilter
    ) -> None:
        owner = await stores.owner()
        await created(recordings, owner, 1, device_id="d")
        page = await recordings.list_page(owner, wanted, limit=9, offset=0)
        assert (list(page.recordings), page.end) == ([], None)

    async def test_another_owners_recordings_are_not_listed(self, stores: Stores, recordings: ClientRecordings) -> None:
        (made,) = await created(recordings, await stores.owner(), 1, device_id="d")
        for stranger in await stores.strangers():
            for wanted in (ALL, RecordingFilter(device_id="d"), RecordingFilter(status="pending")):
                assert list(await listed(recordings, stranger, wanted)) == []
            assert await stores.catalog.find_recording(stranger, made.id) is None

    async def test_a_repeated_request_creates_nothing(self, stores: Stores, recordings: ClientRecordings) -> None:
        owner = await stores.owner()
        made = await recordings.create_recording(owner, DESCRIBED, key())
        assert await recordings.create_recording(owner, DESCRIBED, key()) == made
        assert list(await listed(recordings, owner)) == [made]

    async def test_the_stored_response_outlives_its_recording(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        made = await recordings.create_recording(owner, DESCRIBED, key())
        assert await stores.catalog.delete_recording(owner, made.id)
        assert await recordings.create_recording(owner, DESCRIBED, key()) == made
        assert list(await listed(recordings, owner)) == []

    async def test_another_request_with_the_key_is_a_conflict(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        made = await recordings.create_recording(owner, NewRecording(), key())
        with pytest.raises(Conflict) as refused:
            await recordings.create_recording(owner, DESCRIBED, key(request="another"))
        assert [fault.loc for fault in refused.value.faults] == [("header", "Idempotency-Key")]
        assert list(await listed(recordings, owner)) == [made]

    async def test_owners_do_not_share_idempotency_keys(self, stores: Stores, recordings: ClientRecordings) -> None:
        owners = [await stores.owner(), *await stores.strangers()]
        made = [
            await recordings.create_recording(owner, NewRecording(), key(request=str(number)))
            for number, owner in enumerate(owners)
        ]
        assert len({each.id for each in made}) == len(owners)

    async def test_concurrent_requests_with_one_key_create_one_recording(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        made = await asyncio.gather(*(recordings.create_recording(owner, DESCRIBED, key()) for _ in range(12)))
        assert len({each.id for each in made}) == 1
        assert len(await listed(recordings, owner)) == 1

    async def test_a_refused_recording_does_not_use_up_its_key(
        self, stores: Stores, recordings: ClientRecordings
    ) -> None:
        owner = await stores.owner()
        with pytest.raises(Invalid):
            await recordings.create_recording(owner, NewRecording(name="\0"), key())
        assert (await recordings.create_recording(owner, NewRecording(name="good"), key())).name == "good"

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        texts=st.tuples(TEXTS, TEXTS, TEXTS),
        started_at=st.datetimes(timezones=st.just(UTC)) | st.none(),
    )
    async def test_texts_and_timestamps_come_back_unchanged(
        self, stores: Stores, recordings: ClientRecordings, texts: tuple[str, str, str], started_at: datetime | None
    ) -> None:
        owner = await stores.owner()
        name, device_id, end_user_id = texts
        new = NewRecording(name, device_id, end_user_id, started_at=started_at)
        made = await recordings.create_recording(owner, new)
        assert (made.name, made.device_id, made.end_user_id, made.started_at) == (*texts, started_at)
        assert await stores.catalog.find_recording(owner, made.id) == made
