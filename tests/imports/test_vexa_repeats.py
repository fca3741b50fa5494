"""A move that is repeated: it adds what is new in Vexa, and leaves what was changed or deleted here."""

import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.catalog import ApiKey, NewMedia, Owner, Recording
from gateway.db.api_keys import PgApiKeys
from gateway.db.pool import open_pool
from gateway.db.recordings import PgRecordingCatalog
from gateway.imports.vexa_deployment.move_report import MoveReport
from gateway.settings.load import Config
from tests.imports.vexa.deployment import move, settings, vexa_database
from tests.imports.vexa.vexa_objects import audio_stream, chunks, wav
from tests.media_files import make_sound

CY: Final = 21
KEY: Final = "vxa_bot_0123456789abcdef0123456789abcdef"


@dataclass
class Both:
    """Vexa's database, ours, and the folder of the objects."""

    vexa: asyncpg.Connection
    vexa_url: str
    pool: asyncpg.Pool
    config: Config
    folder: Path

    @property
    def catalog(self) -> PgRecordingCatalog:
        return PgRecordingCatalog(self.pool)

    async def move(self) -> MoveReport:
        return await move(self.vexa_url, self.config)

    async def find(self, recording_id: int, user_id: int = CY) -> Recording | None:
        return await self.catalog.find_recording(Owner(user_id), recording_id)

    async def key(self) -> ApiKey:
        found = await PgApiKeys(self.pool).find_key(sha256(KEY.encode()).digest())
        assert found is not None
        return found

    async def set_recordings(self, meeting_id: int, recordings: str) -> None:
        await self.vexa.execute(
            "UPDATE meetings SET data = jsonb_build_object('recordings', $2::text::jsonb) WHERE id = $1",
            meeting_id,
            recordings,
        )

    def store(self, key: str, data: bytes) -> None:
        path = self.folder / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
async def both(postgres: str, database_url: str, tmp_path: Path) -> AsyncGenerator[Both]:
    (tmp_path / "local").mkdir()
    (tmp_path / "bucket").mkdir()
    async with (
        vexa_database(postgres, "vexa-0.12.sql") as url,
        open_pool(database_url, min_size=1, max_size=2, command_timeout_seconds=30) as pool,
    ):
        connection = await asyncpg.connect(url)
        try:
            yield Both(connection, url, pool, settings(tmp_path, database_url, tmp_path), tmp_path)
        finally:
            await connection.close()


def recording(status: str, number: int = 300000000010) -> str:
    return f"""[{{"id": {number}, "status": "{status}", "session_uid": "u-10", "created_at": "2026-08-02T10:00:00Z",
        "media_files": [{{"id": 400000000010, "type": "audio", "format": "wav", "storage_backend": "s3", "chunk_count": 1,
        "storage_path": "recordings/21/{number}/u-10/audio/000000.wav"}}]}}]"""


LONE: Final = "recordings/21/300000000003/u-3/audio/000000.wav"
MASTER: Final = "recordings/21/300000000010/u-10/audio/master.wav"


async def test_a_recording_that_is_finished_now_gets_its_status_and_its_media_file(both: Both) -> None:
    both.store(MASTER, wav(1, 500))
    await both.move()
    before = await both.find(300000000010)
    assert before is not None
    assert (before.status, before.media_files) == ("pending", ())
    await both.set_recordings(32, recording("completed"))
    await both.vexa.execute("UPDATE meetings SET status = 'completed', end_time = '2026-08-02 11:00' WHERE id = 32")
    await both.move()
    after = await both.find(300000000010)
    assert after is not None
    assert (after.status, [file.id for file in after.media_files]) == ("completed", [400000000010])
    transcript = await both.catalog.find_transcript(Owner(CY), "google_meet", "room-32")
    assert transcript is not None
    assert transcript.meeting.status == "completed"
    assert transcript.meeting.ended_at is not None


async def test_a_recording_that_was_deleted_here_does_not_come_back(both: Both) -> None:
    both.store(LONE, wav(1, 500))
    both.store(LONE.replace("/000000.", "/000001."), b"")
    await both.move()
    assert await both.catalog.delete_recording(Owner(CY), 300000000003)
    report = await both.move()
    assert await both.find(300000000003) is None
    assert report.recordings.deleted_here == 1


async def test_a_recording_that_was_changed_here_stays_changed(both: Both) -> None:
    await both.move()
    await both.pool.execute("UPDATE recordings SET status = 'failed', name = 'mine' WHERE id = 300000000010")
    await both.set_recordings(32, recording("completed"))
    await both.move()
    found = await both.find(300000000010)
    assert found is not None
    assert (found.status, found.name) == ("failed", "mine")


async def test_a_key_that_was_revoked_or_deleted_here_stays_so(both: Both) -> None:
    await both.move()
    await PgApiKeys(both.pool).revoke_key(str((await both.key()).id))
    await both.pool.execute("DELETE FROM api_keys WHERE name = 'reader'")
    report = await both.move()
    assert (await both.key()).revoked_at is not None
    assert await both.pool.fetchval("SELECT count(*) FROM api_keys WHERE name = 'reader'") == 0
    assert (report.keys.moved, report.keys.already_here, report.keys.deleted_here) == (0, 3, 1)


async def test_a_key_that_was_deleted_in_vexa_is_reported_and_stays_valid_here(both: Both) -> None:
    await both.move()
    await both.vexa.execute("DELETE FROM api_tokens WHERE token = $1", KEY)
    report = await both.move()
    assert (await both.key()).revoked_at is None
    assert [flag.reason for flag in report.flags if flag.kind == "user"] == [
        "1 keys no longer exist in Vexa and are valid here: vxa_bot_0123…"
    ]


async def test_a_key_that_may_do_less_in_vexa_now_may_do_less_here(both: Both) -> None:
    await both.move()
    await both.vexa.execute("UPDATE api_tokens SET scopes = '{tx}' WHERE token = $1", KEY)
    await both.move()
    assert sorted((await both.key()).scopes) == ["recordings:read", "transcriptions:read"]


async def test_a_user_that_was_deleted_here_does_not_come_back(both: Both) -> None:
    await both.move()
    await both.pool.execute("DELETE FROM users WHERE id = 21")
    report = await both.move()
    assert await both.pool.fetchval("SELECT array_agg(id) FROM users") == [22]
    assert (report.users.deleted_here, report.recordings.moved) == (1, 0)


async def test_an_object_that_turns_up_heals_its_media_file(both: Both) -> None:
    await both.set_recordings(32, recording("completed"))
    first = await both.move()
    found = await both.find(300000000010)
    assert found is not None
    assert found.media_files[0].missing_at is not None
    assert first.media_files.not_moved["missing"] > 0
    both.store(MASTER, wav(2, 500))
    await both.move()
    healed = await both.find(300000000010)
    assert healed is not None
    (file,) = healed.media_files
    assert (file.missing_at, file.duration_seconds, file.object_key) == (None, 2.0, MASTER)


async def test_a_master_that_was_made_anew_is_measured_anew(both: Both) -> None:
    await both.set_recordings(32, recording("completed"))
    both.store(MASTER, wav(1, 500))
    await both.move()
    both.store(MASTER, wav(3, 500))
    await both.move()
    found = await both.find(300000000010)
    assert found is not None
    assert found.media_files[0].duration_seconds == 3.0


async def test_segments_that_come_later_are_added_and_a_transcript_that_was_replaced_here_stays(both: Both) -> None:
    async def texts(room: str) -> list[str]:
        platform, _, native_id = room.partition("/")
        found = await both.catalog.find_transcript(Owner(CY), platform, native_id)
        assert found is not None
        return [each.text for each in found.segments]

    await both.move()
    await both.pool.execute("DELETE FROM transcript_segments WHERE meeting_id = 31 AND position > 1")
    for meeting_id in (31, 33):
        await both.vexa.execute(
            "INSERT INTO transcriptions (meeting_id, start_time, end_time, text) VALUES ($1, 1, 2, 'Later.')",
            meeting_id,
        )
    await both.vexa.execute(
        "UPDATE transcriptions SET text = 'Corrected.' WHERE meeting_id = 33 AND segment_id = 'b:1'"
    )
    report = await both.move()
    assert await texts("jitsi/room") == ["From the start."]
    assert await texts("zoom/room-33") == ["Later.", "Corrected."]
    assert report.segments.moved == 2


async def test_a_meeting_that_was_erased_in_vexa_since_is_named(both: Both) -> None:
    await both.move()
    await both.vexa.execute(
        """UPDATE meetings SET data = '{"artifact_deletion": {"state": "completed"}}' WHERE id = 33"""
    )
    report = await both.move()
    assert [flag.reason for flag in report.flags if (flag.kind, flag.id) == ("meeting", 33)] == [
        "was erased in Vexa after it had been moved, and is still here"
    ]


async def test_a_recording_whose_deletion_was_asked_for_in_vexa_since_is_named(both: Both) -> None:
    await both.move()
    await both.set_recordings(32, recording("completed").replace("{", '{"deletion_pending": true, ', 1))
    report = await both.move()
    assert report.recordings.not_moved["deletion asked for"] == 2
    assert [flag.reason for flag in report.flags if flag.id == 300000000010] == [
        "its deletion was asked for in Vexa after it had been moved, and it is still here"
    ]


async def test_a_key_that_expired_before_the_calendar_begins_has_expired(both: Both) -> None:
    for moment in ("-infinity", "0044-03-15 BC", "0001-01-01"):
        await both.vexa.execute(f"UPDATE api_tokens SET expires_at = '{moment}' WHERE token = '{KEY}'")  # noqa: S608
        report = await both.move()
        expires_at = (await both.key()).expires_at
        assert expires_at is not None
        assert expires_at < datetime.now(UTC)
        assert report.keys_expired == 1


async def test_a_master_that_lacks_chunks_is_moved_and_named(both: Both) -> None:
    both.store(MASTER, wav(1, 500))
    lacking = recording("completed").replace('"chunk_count": 1', '"chunk_count": 3, "assembled_chunk_count": 2')
    await both.set_recordings(32, lacking)
    report = await both.move()
    found = await both.find(300000000010)
    assert found is not None
    assert [file.object_key for file in found.media_files] == [MASTER]
    assert [flag.reason for flag in report.flags if flag.id == 300000000010] == ["its master contains 2 of 3 chunks"]


async def test_texts_of_any_length_do_not_stop_a_move(both: Both) -> None:
    long = random.Random(14).randbytes(20_000).hex()
    await both.set_recordings(32, recording("completed").replace("u-10", long))
    await both.vexa.execute("UPDATE transcriptions SET text = $1 WHERE meeting_id = 31", long * 20)
    await both.move()
    found = await both.find(300000000010)
    assert found is not None
    assert (found.session_uid, found.media_files) == (None, ())


# --- chunks that are joined


@pytest.mark.parametrize(("ending", "empty"), [("webm", 3), ("wav", 3), ("wav", 1)])
async def test_chunks_are_joined_into_an_object_of_ours_and_vexas_stay(both: Both, ending: str, empty: int) -> None:
    parts = chunks(audio_stream(3, 440), 3) if ending == "webm" else [wav(1, 440), wav(1, 440), wav(1, 440)]
    folder = MASTER.rpartition("/")[0]
    for number, part in enumerate([*parts[:empty], b"", *parts[empty:]]):
        both.store(f"{folder}/{number:06}.{ending}", part)
    await both.set_recordings(
        32, recording("completed").replace('"chunk_count": 1', '"chunk_count": 4').replace("wav", ending)
    )
    tried = await move(both.vexa_url, both.config, dry_run=True, join_chunks=True)
    assert not (both.folder / "bucket" / "imports").exists()
    assert (await both.move()).media_joined == 0
    report = await move(both.vexa_url, both.config, join_chunks=True)
    assert (tried.media_joined, report.media_joined) == (1, 1)
    for _ in range(2):
        found = await both.find(300000000010)
        assert found is not None
        (file,) = found.media_files
        assert (file.id, file.object_key) == (400000000010, "imports/21/vexa/300000000010/400000000010")
        assert file.content_type == f"audio/{ending}"
        assert file.duration_seconds == pytest.approx(3.0, abs=0.15)
        assert (both.folder / "bucket" / file.object_key).stat().st_size == file.size
        both.store(MASTER, wav(1, 500))  # Vexa makes a master later
        await both.move()
    assert len(list((both.folder / "bucket" / folder).iterdir())) == 5


async def test_chunks_that_are_files_of_several_kinds_are_joined_too(both: Both, tmp_path: Path) -> None:
    folder = MASTER.rpartition("/")[0]
    files = [wav(1, 440), make_sound(tmp_path / "sound.webm", 1.0).read_bytes(), wav(1, 660)]
    for number, file in enumerate(files):
        both.store(f"{folder}/{number:06}.wav", file)
    await both.set_recordings(32, recording("completed").replace('"chunk_count": 1', '"chunk_count": 3'))
    report = await move(both.vexa_url, both.config, join_chunks=True)
    assert report.media_joined == 1
    found = await both.find(300000000010)
    assert found is not None
    (media,) = found.media_files
    assert media.content_type == "audio/flac"
    assert media.duration_seconds == pytest.approx(3.0, abs=0.05)


async def test_chunks_of_which_one_is_missing_are_not_joined(both: Both) -> None:
    folder = MASTER.rpartition("/")[0]
    for number in (0, 2):
        both.store(f"{folder}/{number:06}.wav", wav(1, 440))
    await both.set_recordings(32, recording("completed").replace('"chunk_count": 1', '"chunk_count": 3'))
    report = await move(both.vexa_url, both.config, join_chunks=True)
    assert [flag.reason for flag in report.flags if flag.id == 300000000010] == [
        "chunks only (2 objects), 64088 bytes, cannot be joined: chunk 1 is missing"
    ]


# --- what is here already


async def test_an_address_that_is_known_here_keeps_its_user(both: Both) -> None:
    here = await PgApiKeys(both.pool).ensure_user("CY@example.org")
    both.store(LONE, wav(1, 500))
    both.store(LONE.replace("/000000.", "/000001."), b"")
    report = await both.move()
    found = await both.find(300000000003, here)
    assert found is not None
    assert len(found.media_files) == 1
    assert (await both.key()).owner == Owner(here)
    assert report.users.already_here == 1
    assert [flag.reason for flag in report.flags if (flag.kind, flag.id) == ("user", 21)] == [
        f"the address is known here: its user {here} is used"
    ]


async def test_a_user_whose_id_is_anothers_here_is_left_out_whole(both: Both) -> None:
    await both.pool.execute("INSERT INTO users (id, email) VALUES (21, 'other@example.org')")
    report = await both.move()
    assert [flag.reason for flag in report.flags if (flag.kind, flag.id) == ("user", 21)] == [
        "left out: the id belongs to a user with another address here"
    ]
    assert await both.pool.fetchval("SELECT count(*) FROM recordings WHERE user_id = 21") == 0
    assert await both.pool.fetchval("SELECT count(*) FROM api_keys WHERE user_id = 21") == 0


async def test_ids_that_something_else_here_has_are_left_out(both: Both) -> None:
    here = await PgApiKeys(both.pool).ensure_user("other@example.org")
    await both.pool.execute(
        "INSERT INTO recordings (id, user_id, live, source, status) VALUES (300000000004, $1, true, 'bot', 'completed')",
        here,
    )
    await both.pool.execute(
        "INSERT INTO meetings (id, user_id, live, platform, native_meeting_id) VALUES (33, $1, true, 'zoom', 'x')", here
    )
    report = await both.move()
    assert await both.find(300000000004) is None
    assert await both.find(300000000004, here) is not None
    taken = {
        (flag.kind, flag.id) for flag in report.flags if flag.reason == "left out: something else here has this id"
    }
    assert taken == {("recording", 300000000004), ("meeting", 33)}
    assert report.segments.not_moved["of meetings not moved"] == 1


async def test_an_object_that_is_registered_here_already_stays_with_its_recording(both: Both) -> None:
    both.store(LONE, wav(1, 500))
    both.store(LONE.replace("/000000.", "/000001."), b"")
    here = Owner(await PgApiKeys(both.pool).ensure_user("other@example.org"))
    stat = (both.folder / "bucket" / LONE).stat()
    media = NewMedia("audio", "wav", "audio/wav", "bucket", LONE, stat.st_size, "e", datetime.now(UTC))
    registered, _ = await both.catalog.register(here, media)
    report = await both.move()
    found = await both.find(300000000003)
    assert found is not None
    assert found.media_files == ()
    assert report.media_files.not_moved["taken here"] == 1
    assert await both.catalog.find_media_file(here, registered.recording_id, registered.id) is not None


@pytest.mark.parametrize("address", ["", "a" * 255])
async def test_a_user_with_an_odd_address_does_not_end_the_move(both: Both, address: str) -> None:
    await both.vexa.execute("INSERT INTO users (id, email, created_at) VALUES (1, $1, now())", address)
    report = await both.move()
    assert [user.user_id for user in report.by_user if user.vexa_id == CY] == [CY]
    (odd,) = [user for user in report.by_user if user.vexa_id == 1]
    assert (odd.user_id is None) == (address == "")
    flags = [flag.reason for flag in report.flags if (flag.kind, flag.id) == ("user", 1)]
    assert flags == (["left out: the user has no address"] if address == "" else [])
