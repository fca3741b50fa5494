"""Deployments of Vexa 0.9 and 0.12, whose keys, objects and transcripts follow other rules than those of 0.10."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
import pytest_asyncio

from gateway.catalog import ALL_SCOPES, ApiKey, Owner, Recording, Scope, Transcript
from gateway.db.api_keys import PgApiKeys
from gateway.db.pool import open_pool
from gateway.db.recordings import PgRecordingCatalog
from gateway.imports.vexa_deployment.move_report import MoveReport
from gateway.imports.vexa_deployment.stored_objects import VexaBackend
from gateway.storage import Storage
from storage_adapters import connect
from tests.conftest import scratch_database
from tests.imports.vexa.deployment import move, settings, vexa_database
from tests.imports.vexa.vexa_objects import audio_stream, chunks, wav


class Moved(NamedTuple):
    """Our side after a move."""

    pool: asyncpg.Pool
    catalog: PgRecordingCatalog
    keys: PgApiKeys
    report: MoveReport

    async def recording(self, user_id: int, recording_id: int) -> Recording:
        found = await self.catalog.find_recording(Owner(user_id), recording_id)
        assert found is not None
        return found

    async def transcript(self, user_id: int, platform: str, native_id: str) -> Transcript:
        found = await self.catalog.find_transcript(Owner(user_id), platform, native_id)
        assert found is not None
        return found

    async def key(self, text: str) -> ApiKey:
        found = await self.keys.find_key(sha256(text.encode()).digest())
        assert found is not None
        return found

    def flags(self, number: int) -> list[str]:
        return [flag.reason for flag in self.report.flags if flag.id == number]


def store(root: Path, objects: dict[str, bytes]) -> None:
    for key, data in objects.items():
        path = root / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "local").mkdir(exist_ok=True)


async def moved_deployment(postgres: str, folder: Path, sql: str) -> AsyncGenerator[Moved]:
    async with (
        vexa_database(postgres, sql) as vexa,
        scratch_database(postgres) as url,
        open_pool(url, min_size=1, max_size=2, command_timeout_seconds=30) as pool,
    ):
        report = await move(vexa, settings(folder, url, folder))
        yield Moved(pool, PgRecordingCatalog(pool), PgApiKeys(pool), report)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def oldest(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Moved]:
    folder = tmp_path_factory.mktemp("vexa-0.9")
    names = ("100000000123/s-one", "100000000200/s-two", "100000000300/s-three", "100000000400/s-four")
    store(folder, {f"recordings/3/{name}.wav": wav(1 + number, 400) for number, name in enumerate(names)})
    store(folder, {"recordings/3/1/s-two.png": PNG, "recordings/5/100000000600/x.wav": wav(1, 500)})
    async for moved in moved_deployment(postgres, folder, "vexa-0.9.sql"):
        yield moved


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def newest(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Moved]:
    folder, root = tmp_path_factory.mktemp("vexa-0.12"), "recordings/21"
    stream = audio_stream(3, 440)
    first, second, third = chunks(stream, 3)
    names = {
        f"{root}/300000000001/u-1/audio/{number:06}.webm": part for number, part in enumerate((first, second, third))
    }
    store(folder, names | {f"{root}/300000000001/u-1/audio/master.webm": stream})
    store(
        folder,
        {f"{root}/300000000002/u-2/audio/00000{number}.webm": part for number, part in enumerate((first, second))},
    )
    store(
        folder,
        {f"{root}/300000000003/u-3/audio/000000.wav": wav(2, 500), f"{root}/300000000003/u-3/audio/000001.wav": b""},
    )
    store(folder, {f"{root}/300000000004/u-4/audio/000000.wav": wav(1, 500)})
    store(folder, {f"{root}/300000000005/u-5/audio/master.wav": wav(1, 500)})
    store(folder, {f"{root}/300000000010/u-10/audio/{name}.wav": wav(1, 600) for name in ("000000", "master")})
    store(folder, {"signal/21/31/u-1/0.jsonl": b"{}", f"{root}/300000000099/u/audio/000000.wav": wav(1, 700)})
    async for moved in moved_deployment(postgres, folder, "vexa-0.12.sql"):
        yield moved


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
    "c9fe92ef0000000049454e44ae426082"
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- 0.9


async def test_every_key_of_0_9_may_do_everything(oldest: Moved) -> None:
    assert oldest.report.generation == "0.9"
    for text in ("Zk3Tq8WvB1nYc6Lx0dHs5GpJ2eUfR9aKiZoM4tXb", "tiny", "schlüssel"):
        key = await oldest.key(text)
        assert (key.scopes, key.expires_at, key.owner.live) == (ALL_SCOPES, None, True)
    assert (await oldest.key("tiny")).prefix == ""


async def test_an_address_that_differs_by_case_only_is_left_out_whole(oldest: Moved) -> None:
    assert oldest.report.users.not_moved == {"with an address that differs by case only": 1}
    assert oldest.report.keys.not_moved == {"of users left out": 1}
    assert oldest.report.meetings.not_moved["of users left out"] == 1
    assert oldest.flags(5) == ["left out: the address differs only by case from that of Vexa's user 3"]
    assert not oldest.report.is_complete
    assert await oldest.keys.find_key(sha256(b"Pq7Rz2LwXc9YbN4hPj8sGfA1uEo6iTnMxKy5V0dD").digest()) is None
    rows = await oldest.pool.fetch("SELECT id, email FROM users ORDER BY id")
    assert [tuple(row) for row in rows] == [(3, "Ann@example.org"), (8, "bo@example.org")]


async def test_a_flat_object_is_a_media_file_once_its_meeting_is_final(oldest: Moved) -> None:
    finished, ended, running = [await oldest.recording(3, 100000000000 + number) for number in (123, 200, 300)]
    (file,) = finished.media_files
    assert (file.id, file.type, file.format, file.duration_seconds) == (200000000123, "audio", "wav", 1.0)
    assert (ended.status, [each.id for each in ended.media_files]) == ("pending", [200000000200])
    assert (running.status, running.media_files) == ("pending", ())
    assert oldest.flags(running.id) == ["still being recorded"]


async def test_members_of_other_shapes_are_counted_as_malformed(oldest: Moved) -> None:
    assert oldest.report.recordings.not_moved["malformed"] == 6 + 1 + 1


async def test_an_erased_meeting_is_not_moved_and_one_without_a_native_id_leaves_its_recordings(oldest: Moved) -> None:
    assert oldest.report.meetings.not_moved == {"erased": 1, "without native id": 1, "of users left out": 1}
    assert await oldest.catalog.find_recording(Owner(3), 100000000400) is None
    assert oldest.report.recordings.not_moved["of erased meetings"] == 2
    assert oldest.report.segments.not_moved["of erased meetings"] == 1
    assert (await oldest.recording(3, 100000000500)).meeting_id is None


async def test_rows_of_the_tables_are_recordings_too(oldest: Moved) -> None:
    screenshot, failed = await oldest.recording(3, 1), await oldest.recording(8, 2)
    assert (screenshot.status, screenshot.source, screenshot.meeting_id) == ("processing", "upload", 12)
    assert [(file.type, file.format) for file in screenshot.media_files] == [("image", "png")]
    # Its meeting is another user's.
    assert (failed.status, failed.error_message, failed.meeting_id) == ("failed", "it broke", None)
    assert await oldest.catalog.find_recording(Owner(3), 3) is None


async def test_a_path_that_leaves_its_owners_folder_is_never_registered(oldest: Moved) -> None:
    assert (await oldest.recording(8, 100000000700)).media_files == ()
    assert oldest.flags(100000000700) == ["object outside its owner's folder"] * 4
    assert oldest.report.media_files.not_moved["malformed"] == 1


async def test_segments_of_0_9_count_from_their_session(oldest: Moved) -> None:
    transcript = await oldest.transcript(3, "google_meet", "aaa-bbbb-ccc")
    assert transcript.meeting.created_at == datetime(2025, 11, 1, 10, tzinfo=UTC)
    assert [
        (each.text, each.start_seconds, each.end_seconds, each.counted_from_at) for each in transcript.segments
    ] == [
        ("Of no session.", 2, 3, None),
        ("Lost.", 9, 9, None),
        ("First.", 3, 4, datetime(2025, 11, 1, 10, tzinfo=UTC)),
        ("A chat line.", 5, 5, datetime(2025, 11, 1, 10, tzinfo=UTC)),
        ("Later.", 1, 2, datetime(2025, 11, 1, 10, 30, tzinfo=UTC)),
    ]
    assert +oldest.report.segments.not_moved == {"empty": 1, "unusable": 1, "of erased meetings": 1}


async def test_a_meeting_whose_data_is_unusable_is_moved(oldest: Moved) -> None:
    for native_id in ("z-17", "z-18", "z-19"):
        transcript = await oldest.transcript(8, "zoom", native_id)
        assert (transcript.meeting.metadata, transcript.meeting.started_at) == (None, None)


# --- 0.12


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("vxa_browser_0123456789abcdef0123456789abcdef", set()),
        ("vxa_bot_0123456789abcdef0123456789abcdef", {Scope.RECORDINGS_READ, Scope.RECORDINGS_WRITE}),
        ("vxa_user_0123456789abcdef0123456789abcdef", set(ALL_SCOPES)),
        ("vxa_tx_fedcba9876543210fedcba9876543210", {Scope.RECORDINGS_READ, Scope.TRANSCRIPTIONS_READ}),
    ],
)
async def test_a_key_of_0_12_has_scopes(newest: Moved, text: str, scopes: set[Scope]) -> None:
    assert newest.report.generation == "0.12"
    key = await newest.key(text)
    assert (set(key.scopes), key.expires_at) == (scopes, None)
    assert newest.report.keys_without_scopes == 2


async def test_a_master_without_a_duration_is_counted(newest: Moved) -> None:
    (file,) = (await newest.recording(21, 300000000001)).media_files
    assert (file.id, file.type, file.content_type) == (400000000001, "audio", "audio/webm")
    assert file.object_key.endswith("/master.webm")
    assert file.duration_seconds == pytest.approx(3.0, abs=0.15)


async def test_a_recording_of_0_12_keeps_its_times(newest: Moved) -> None:
    recording = await newest.recording(21, 300000000001)
    assert (recording.created_at, recording.completed_at) == (
        datetime(2026, 8, 1, 10, tzinfo=UTC),
        datetime(2026, 8, 1, 10, tzinfo=UTC),
    )


async def test_chunks_that_were_never_joined_are_named(newest: Moved) -> None:
    for number, text in ((300000000002, "chunks only (2 objects)"), (300000000004, "chunks only (1 objects)")):
        assert (await newest.recording(21, number)).media_files == ()
        (flag,) = newest.flags(number)
        assert flag.startswith(text)


async def test_a_lone_chunk_with_its_empty_closing_chunk_is_whole(newest: Moved) -> None:
    (file,) = (await newest.recording(21, 300000000003)).media_files
    assert (file.object_key.rpartition("/")[2], file.duration_seconds) == ("000000.wav", 2.0)


async def test_an_object_in_another_recordings_folder_stays_with_that_one(newest: Moved) -> None:
    assert (await newest.recording(21, 300000000006)).media_files == ()
    assert newest.flags(300000000006) == ["its object belongs to recording 300000000003"]


async def test_a_master_of_a_meeting_that_goes_on_is_not_taken(newest: Moved) -> None:
    assert (await newest.recording(21, 300000000010)).media_files == ()
    assert newest.flags(300000000010) == ["still being recorded"]


async def test_what_is_to_be_deleted_in_0_12_is_not_moved(newest: Moved) -> None:
    assert await newest.catalog.find_recording(Owner(21), 300000000005) is None
    assert newest.report.recordings.not_moved["deletion asked for"] == 1
    assert newest.report.meetings.not_moved == {"erased": 2, "of no user": 1}


async def test_an_id_of_two_users_belongs_to_the_one_with_the_lower_meeting(newest: Moved) -> None:
    assert (await newest.recording(21, 300000000001)).meeting_id == 31
    assert await newest.catalog.find_recording(Owner(22), 300000000001) is None
    assert newest.flags(300000000001) == ["left out: Vexa's user 21 has a recording with this id"]
    assert (await newest.recording(22, 300000000030)).error_message == "lost"


async def test_segments_of_0_12_count_from_their_meeting(newest: Moved) -> None:
    start, old = datetime(2026, 8, 1, 10, tzinfo=UTC), datetime(2026, 8, 1, 10, 10, tzinfo=UTC)
    transcript = await newest.transcript(21, "jitsi", "room")
    assert [
        (each.text, each.start_seconds, each.end_seconds, each.counted_from_at) for each in transcript.segments
    ] == [
        ("Of a lost session.", 5, 6, None),
        ("Before the start.", -1, 1.5, start),
        *[("From the start.", 12.5, 14, start)] * 3,  # two of them have names
        ("By the clock.", 60.25, 62, start),
        ("Of an old session.", 5, 6, old),
    ]
    (segment,) = (await newest.transcript(21, "zoom", "room-33")).segments
    assert segment.counted_from_at == datetime(2026, 8, 3, 10, tzinfo=UTC)


async def test_only_what_is_harmless_of_a_meetings_data_is_moved(newest: Moved) -> None:
    transcript = await newest.transcript(21, "jitsi", "room")
    assert transcript.meeting.metadata == {"title": "Planning", "participants": ["Cy"]}


async def test_sharing_is_not_carried_over(newest: Moved) -> None:
    assert (await newest.transcript(22, "jitsi", "room")).meeting.id == 36
    assert await newest.catalog.find_transcript(Owner(22), "jitsi", "room", 31) is None


async def test_objects_without_a_row_are_counted(newest: Moved) -> None:
    assert newest.report.objects_without_a_recording == 1


async def test_a_key_is_below_the_prefix_of_the_storage_backend() -> None:
    adapter = await connect("memory", {})
    storage = Storage("archive", "memory", adapter)
    assert VexaBackend(storage, "recordings/").key("recordings/7/5/s.wav") == "7/5/s.wav"
    assert VexaBackend(storage, "moved/").key("recordings/7/5/s.wav") == "recordings/7/5/s.wav"
