"""A Vexa 0.10 deployment is moved: what `expected-0.10.json` promises, field by field, over the running gateway."""

import json
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from gateway.imports.vexa_deployment.move_report import MoveReport
from gateway.settings.load import Config
from storage_adapters.base import StorageUnavailable
from tests.commands.command_line import command_line
from tests.conformance.calling import call, fetch
from tests.conftest import scratch_database
from tests.gateway_process import Gateway, running_gateway
from tests.imports.vexa.deployment import FOLDER, move, rows, settings, storage_settings, vexa_database
from tests.imports.vexa.vexa_objects import StoredObject, make_objects, wav

EXPECTED: Final[dict[str, Any]] = json.loads((FOLDER / "expected-0.10.json").read_text("utf-8"))["0.10"]
KEYS: Final = {each["user"]: each["key"] for each in EXPECTED["keys"] if each["authenticates"]}
ALL_SCOPES_KEYS: Final = {
    each["user"]: each["key"] for each in EXPECTED["keys"] if each["authenticates"] and len(each["scopes"]) == 3
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, StoredObject]]:
    folder = tmp_path_factory.mktemp("vexa")
    return folder, make_objects(tmp_path_factory, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vexa(postgres: str) -> AsyncGenerator[str]:
    async with vexa_database(postgres, "vexa-0.10.sql") as url:
        yield url


@pytest.fixture
def config(tmp_path: Path, database_url: str, objects: tuple[Path, dict[str, StoredObject]]) -> Config:
    return settings(tmp_path, database_url, objects[0])


@pytest.fixture(scope="module")
def moved(
    postgres: str, vexa: str, objects: tuple[Path, dict[str, StoredObject]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, MoveReport]]:
    """A running gateway after two runs of the move, and the report of the first."""
    folder = tmp_path_factory.mktemp("moved")
    with running_gateway(postgres, folder, storage_settings(objects[0])) as gateway:
        config = settings(folder, gateway.database_url, objects[0])
        report = gateway.wait(move(vexa, config))
        gateway.wait(move(vexa, config))
        yield gateway, report


# --- what clients see


@pytest.mark.parametrize("expected", EXPECTED["keys"], ids=lambda each: each["sha256"][:6])
async def test_a_key_of_vexa_does_what_it_did(moved: tuple[Gateway, MoveReport], expected: dict[str, Any]) -> None:
    site, _ = moved
    wanted = {
        "/recordings": "recordings:read",
        "/transcripts/zoom/none": "transcriptions:read",
        "/recordings/1": "recordings:write",
    }
    for target, scope in wanted.items():
        method = "DELETE" if scope == "recordings:write" else "GET"
        response = await call(site, target, method=method, key=expected["key"])
        if not expected["authenticates"]:
            assert response.status == 401
        else:
            assert (response.status != 403) == (scope in expected["scopes"])


@pytest.mark.parametrize("expected", EXPECTED["meetings"], ids=lambda each: each["id"])
async def test_a_meeting_is_what_it_was(moved: tuple[Gateway, MoveReport], expected: dict[str, Any]) -> None:
    site, _ = moved
    target = f"/transcripts/{expected['platform']}/{expected['native_meeting_id']}?meeting_id={expected['id']}"
    for email, key in KEYS.items():
        if email != expected["user"]:
            await fetch(site, target, key=key, status=404)
    response = await fetch(site, target, key=KEYS[expected["user"]])
    for name in ("id", "platform", "native_meeting_id", "status"):
        assert response[name] == expected[name]
    for name in ("start_time", "end_time", "created_at"):
        assert moment(response[name]) == moment(expected[name])
    assert len(response["segments"]) == expected["segment_count"]
    for segment, wanted in zip(response["segments"], expected["segments"], strict=True):
        assert {name: segment[name] for name in ("text", "speaker", "language")} == {
            name: wanted[name] for name in ("text", "speaker", "language")
        }
        assert (segment["start"], segment["end"]) == pytest.approx((wanted["start"], wanted["end"]), abs=0.001)
        for name in ("absolute_start_time", "absolute_end_time"):
            assert moment(segment[name]) == moment(wanted[name])
    recordings = [each["id"] for each in EXPECTED["recordings"] if each["meeting_id"] == expected["id"]]
    assert {each["id"] for each in response["recordings"]} == set(recordings)


async def test_the_newest_meeting_of_a_room_is_answered_without_its_id(moved: tuple[Gateway, MoveReport]) -> None:
    site, _ = moved
    response = await fetch(site, "/transcripts/google_meet/abc-defg-hij", key=KEYS["maple@example.org"])
    assert response["id"] == 102


@pytest.mark.parametrize("expected", EXPECTED["recordings"], ids=lambda each: each["id"])
async def test_a_recording_is_what_it_was(
    moved: tuple[Gateway, MoveReport], objects: tuple[Path, dict[str, StoredObject]], expected: dict[str, Any]
) -> None:
    site, report = moved
    for email, key in KEYS.items():
        if email != expected["user"]:
            await fetch(site, f"/recordings/{expected['id']}", key=key, status=404)
    key = KEYS[expected["user"]]
    response = await fetch(site, f"/recordings/{expected['id']}", key=key)
    for name in ("id", "meeting_id", "session_uid", "source", "status", "error_message"):
        assert response[name] == expected[name], name
    for name in ("created_at", "completed_at"):
        assert seconds(response[name]) == seconds(expected[name])
    assert [each["id"] for each in response["media_files"]] == [each["id"] for each in expected["media_files"]]
    for media, wanted in zip(response["media_files"], expected["media_files"], strict=True):
        assert (media["type"], media["format"]) == (wanted["type"], wanted["format"])
        raw = await call(site, f"/recordings/{expected['id']}/media/{media['id']}/raw", key=key)
        if not wanted["available"]:
            assert raw.status == wanted["raw_answers"]
            continue
        stored = objects[1][f"{wanted['object']['storage']}/{wanted['object']['key']}"]
        assert raw.body == stored.data
        assert raw.head["Content-Type"] == wanted["content_type"]
        assert media["file_size_bytes"] == len(stored.data)
        assert media["duration_seconds"] == pytest.approx(wanted["duration_seconds"], abs=0.15)
    flags = [flag.reason for flag in report.flags if (flag.kind, flag.id) == ("recording", expected["id"])]
    assert len(flags) == len(expected["flags"])
    assert all(said.startswith(flag) for said, flag in zip(flags, expected["flags"], strict=True))


@pytest.mark.parametrize("expected", EXPECTED["users"], ids=lambda each: each["email"])
async def test_a_user_keeps_the_id_and_lists_every_recording_newest_first(
    moved: tuple[Gateway, MoveReport], expected: dict[str, Any]
) -> None:
    site, _ = moved
    listed = (await fetch(site, "/recordings", key=KEYS[expected["email"]]))["recordings"]
    assert {each["user_id"] for each in listed} == {expected["vexa_user_id"]}
    assert len(listed) == expected["recordings"]
    assert [each["created_at"] for each in listed] == sorted((each["created_at"] for each in listed), reverse=True)


async def test_the_dashboard_plays_every_master(moved: tuple[Gateway, MoveReport]) -> None:
    site, _ = moved
    for expected in EXPECTED["recordings"]:
        for media in expected["media_files"]:
            target = f"/recordings/{expected['id']}/master?type={media['type']}"
            response = await fetch(site, target, key=KEYS[expected["user"]])
            assert response["media_file_id"] == media["id"]


async def test_a_deletion_that_was_asked_for_in_vexa_is_not_moved(moved: tuple[Gateway, MoveReport]) -> None:
    site, _ = moved
    for left_out in EXPECTED["not_moved"]:
        for key in KEYS.values():
            await fetch(site, f"/recordings/{left_out['recording']}", key=key, status=404)


async def test_nothing_secret_is_in_the_database_the_log_or_the_report(moved: tuple[Gateway, MoveReport]) -> None:
    site, report = moved
    forbidden = [*EXPECTED["forbidden_texts"], *(each["key"] for each in EXPECTED["keys"])]
    everything = [str(await rows(site.database_url)), site.log_text(), str(report.as_json())]
    assert [text for text in forbidden if any(text in each for each in everything)] == []


async def test_an_object_that_turns_up_is_served_without_another_run(
    moved: tuple[Gateway, MoveReport], objects: tuple[Path, dict[str, StoredObject]]
) -> None:
    site, _ = moved
    (expected,) = [each for each in EXPECTED["recordings"] if "object is missing" in each["flags"]]
    (media,) = expected["media_files"]
    target = f"/recordings/{expected['id']}/media/{media['id']}/raw"
    key = KEYS[expected["user"]]
    assert (await call(site, target, key=key)).status == 404
    path = objects[0] / media["object"]["storage"] / media["object"]["key"]
    path.parent.mkdir(parents=True)
    path.write_bytes(wav(1, 440))
    try:
        response = await call(site, target, key=key)
        assert (response.status, response.body) == (200, path.read_bytes())
        assert (await fetch(site, f"/recordings/{expected['id']}", key=key))["media_files"][0][
            "file_size_bytes"
        ] == 32044
    finally:
        path.unlink()
        path.parent.rmdir()


# --- the report


def test_the_report_counts_everything(moved: tuple[Gateway, MoveReport]) -> None:
    _, report = moved
    counts = EXPECTED["counts"]
    assert report.generation == "0.10"
    assert (report.users.moved, report.keys.moved) == (counts["users"], counts["keys"])
    assert report.keys.moved - report.keys_expired == counts["keys_that_authenticate"]
    assert report.keys_without_scopes == 1
    assert (report.meetings.moved, report.meetings.not_moved.total()) == (counts["meetings"], 0)
    assert (report.segments.moved, report.segments.not_moved["equal rows"]) == (counts["segments"], 1)
    assert report.recordings.moved == counts["recordings"]
    assert report.recordings.not_moved == {
        "malformed": counts["malformed_members"],
        "duplicates": counts["duplicate_members"],
        "deletion asked for": counts["recordings_not_moved"],
    }
    assert report.media_files.moved == counts["media_files_available"]
    assert report.media_files.not_moved == {
        "missing": counts["media_files_missing"],
        "chunks only": 1,
        "in progress": 1,
        "outside the owner": 1,
    }
    assert report.chunk_entries_beside_a_master == counts["chunk_entries_beside_a_master"]
    assert report.objects_without_a_recording == 1
    assert not report.is_complete


# --- runs


async def test_a_second_run_moves_nothing_and_changes_nothing(vexa: str, config: Config) -> None:
    first = await move(vexa, config)
    before = await rows(config.database.url)
    second = await move(vexa, config)
    assert await rows(config.database.url) == before
    for name, counts in second.sections.items():
        assert counts.moved == 0, name
        assert counts.already_here == first.sections[name].moved, name
        assert counts.not_moved == first.sections[name].not_moved, name


@pytest.mark.parametrize("looks", [0, 2, 6])
async def test_a_run_after_an_interruption_ends_like_an_undisturbed_one(
    postgres: str, vexa: str, config: Config, tmp_path: Path, objects: tuple[Path, dict[str, StoredObject]], looks: int
) -> None:
    with pytest.raises(StorageUnavailable):
        await move(vexa, config, looks=looks)
    await move(vexa, config)
    async with scratch_database(postgres) as url:
        await move(vexa, settings(tmp_path, url, objects[0]))
        assert await rows(config.database.url) == await rows(url)


async def test_a_dry_run_reports_the_same_and_changes_nothing(vexa: str, config: Config) -> None:
    before = await rows(config.database.url)
    tried = await move(vexa, config, dry_run=True)
    assert await rows(config.database.url) == before
    done = await move(vexa, config)
    assert {**tried.as_json(), "dry_run": False} == done.as_json()


async def test_a_dry_run_leaves_an_empty_database_empty(
    vexa: str, tmp_path: Path, empty_database_url: str, objects: tuple[Path, dict[str, StoredObject]]
) -> None:
    report = await move(vexa, settings(tmp_path, empty_database_url, objects[0]), dry_run=True)
    assert report.users.moved == 2
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    finally:
        await connection.close()


async def test_a_role_that_may_only_select_is_enough(vexa: str, config: Config) -> None:
    role = "only_select"
    connection = await asyncpg.connect(vexa)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        user = vexa.partition("://")[2].partition("@")[0].partition(":")[0]
        report = await move(vexa.replace(f"//{user}", f"//{role}", 1), config)
        assert report.recordings.moved == EXPECTED["counts"]["recordings"]
    finally:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()


async def test_only_the_users_that_are_named_are_moved(vexa: str, config: Config) -> None:
    report = await move(vexa, config, only=frozenset({"harbor@example.org"}))
    assert [user.email for user in report.by_user] == ["Harbor@example.org"]
    assert (report.users.moved, report.keys.moved, report.recordings.moved) == (1, 2, 6)


async def test_a_backend_without_a_mapping_is_looked_for_in_the_default_storage(vexa: str, config: Config) -> None:
    report = await move(vexa, config, mapped={})
    assert report.media_files.not_moved["unmapped backend"] == 1
    assert report.media_files.not_moved["missing"] == 1
    assert report.media_files.moved == EXPECTED["counts"]["media_files_available"] - 1


# --- the command


def test_the_command_reports_as_a_table_and_as_json(
    vexa: str, config: Config, tmp_path: Path, objects: tuple[Path, dict[str, StoredObject]]
) -> None:
    seekgate = command_line(tmp_path, database__url=config.database.url)
    seekgate.environ.update(storage_settings(objects[0]))
    arguments = ("move-from-vexa", vexa.replace("postgresql://", "postgresql+asyncpg://"), "--map", "local=old")
    tried = seekgate.run(*arguments, "--dry-run")
    assert tried.returncode == 1
    assert "Traceback" not in tried.stderr
    assert "Dry run: Vexa 0.10" in tried.stdout
    assert "user 12 Harbor@example.org: 6 recordings" in tried.stdout
    assert "recording 880213349957 of maple@example.org: chunks only (3 objects)" in tried.stdout
    done = seekgate.run(*arguments, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["complete"], report["recordings"]["moved"]) == (1, False, 12)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--map", "minio"], 2, "'minio' is not like minio=STORAGE"),
        (["--map", "minio=nowhere"], 2, "no storage backend is named 'nowhere'"),
        (["--map", "minio=local", "--map", "minio=local"], 2, "--map names Vexa's 'minio' twice"),
        (["--map", "minoi=local"], 2, "Vexa has no storage backend named 'minoi'; there are: "),
        (["--user", "nobody@example.org"], 1, "Vexa has no user with the address 'nobody@example.org'"),
    ],
)
def test_the_command_refuses(
    vexa: str, config: Config, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    seekgate = command_line(tmp_path, database__url=config.database.url)
    assert said in seekgate.refusal(code, "move-from-vexa", vexa, *arguments)


def test_a_database_that_is_not_vexas_is_refused(config: Config, tmp_path: Path) -> None:
    seekgate = command_line(tmp_path, database__url=config.database.url)
    assert "is not a Vexa database: it has no table api_tokens" in seekgate.refusal(
        1, "move-from-vexa", config.database.url
    )


def seconds(text: str | None) -> datetime | None:
    found = moment(text)
    return found.replace(microsecond=0) if found else None


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
