"""`seekgate move-from-vexa` over a real bucket: its process is killed again and again, and Vexa's objects stay as they are."""

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from tests.commands.command_line import COMMAND_SECONDS, CommandLine, command_line
from tests.conformance.calling import call, fetch
from tests.conftest import scratch_database
from tests.forked_process import ForkedProcess
from tests.gateway_process import running_gateway
from tests.imports.vexa.deployment import FOLDER, rows, vexa_database
from tests.imports.vexa.vexa_objects import StoredObject, make_objects
from tests.s3.buckets import make_bucket, s3_client
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import s3_environ

EXPECTED: Final[dict[str, Any]] = json.loads((FOLDER / "expected-0.10.json").read_text("utf-8"))["0.10"]
KEYS: Final = {each["user"]: each["key"] for each in EXPECTED["keys"] if each["authenticates"]}
JOINED: Final = 880213349957
# How many notes the database has when the process is killed; a whole move writes 32.
KILLED_AT: Final = (1, 4, 12, 22)


class Bucket:
    """A bucket with the objects of Vexa's storage backend `minio`; those of `local` are in a folder."""

    def __init__(self, server: S3Server, folder: Path, objects: Mapping[str, StoredObject]) -> None:
        self.objects = objects
        self.server, self.name = server, asyncio.run(make_bucket(server))
        self.settings = s3_environ(server, self.name) | {
            "SEEKGATE_STORAGES__OLD__KIND": "local",
            "SEEKGATE_STORAGES__OLD__ROOT": str(folder / "local"),
            "SEEKGATE_DEFAULT_STORAGE": "bucket",
        }
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        async with s3_client(self.server) as client:
            for path, stored in self.objects.items():
                place, _, key = path.partition("/")
                if place == "bucket":
                    await client.put_object(Bucket=self.name, Key=key, Body=stored.data, ContentType="video/webm")

    def list(self) -> dict[str, tuple[Any, ...]]:
        """Every object of Vexa's as the bucket describes it."""

        async def listed() -> dict[str, tuple[Any, ...]]:
            async with s3_client(self.server) as client:
                found = (await client.list_objects_v2(Bucket=self.name))["Contents"]
            return {each["Key"]: (each["ETag"], each["Size"], each["LastModified"]) for each in found}

        return {key: about for key, about in asyncio.run(listed()).items() if key.startswith("recordings/")}


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    folder = tmp_path_factory.mktemp("vexa")
    return Bucket(s3_server, folder, make_objects(tmp_path_factory, folder))


def mover(folder: Path, bucket: Bucket, url: str) -> CommandLine:
    seekgate = command_line(folder, database__url=url)
    seekgate.environ.update(bucket.settings)
    return seekgate


def arguments(vexa: str) -> tuple[str, ...]:
    return ("move-from-vexa", vexa, "--map", "minio=bucket", "--map", "local=old", "--join-chunks", "--json")


# Says so when notes were committed.
REPORT_NOTES: Final = """
    CREATE FUNCTION report_notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY noted; RETURN NULL; END $$;
    CREATE TRIGGER noted AFTER INSERT ON vexa_moves FOR EACH STATEMENT EXECUTE FUNCTION report_notes();
"""


async def kill_at(process: ForkedProcess, connection: asyncpg.Connection, notes: int) -> None:
    """Kill the process once it has written that many notes, wherever it is then."""
    noted = asyncio.Event()
    await connection.add_listener("noted", lambda *_: noted.set())
    async with asyncio.timeout(COMMAND_SECONDS):
        while await connection.fetchval("SELECT count(*) < $1 FROM vexa_moves", notes):
            await noted.wait()
            noted.clear()
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    await connection.reset()


async def test_a_move_that_is_killed_again_and_again_ends_like_an_undisturbed_one(
    postgres: str, database_url: str, bucket: Bucket, tmp_path: Path
) -> None:
    before = await asyncio.to_thread(bucket.list)
    async with vexa_database(postgres, "vexa-0.10.sql") as vexa, scratch_database(postgres) as undisturbed:
        killed = mover(tmp_path, bucket, database_url)
        connection = await asyncpg.connect(database_url)
        await connection.execute(REPORT_NOTES)
        for notes in KILLED_AT:
            with killed.started(*arguments(vexa)) as process:
                await kill_at(process, connection, notes)
        await connection.close()
        reports = []
        for seekgate in (killed, mover(tmp_path, bucket, undisturbed)):
            done = await asyncio.to_thread(seekgate.run, *arguments(vexa))
            assert done.returncode == 1, done.stderr
            reports.append(json.loads(done.stdout))
        assert _left(await rows(database_url)) == _left(await rows(undisturbed))
    assert [report["flagged"] for report in reports] == [reports[0]["flagged"]] * 2
    assert await asyncio.to_thread(bucket.list) == before


def _left(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The rows without the time and the version of the joined object, which each of the two runs wrote."""
    files = sorted((json.loads(text) for text in found["media_files"]), key=lambda row: int(row["id"]))
    for row in files:
        if row["recording_id"] == JOINED:
            row |= {"etag": None, "object_modified_at": None}
    return found | {"media_files": files}


async def test_every_moved_file_is_served_from_where_vexa_stored_it(
    postgres: str, bucket: Bucket, tmp_path: Path
) -> None:
    with running_gateway(postgres, tmp_path, bucket.settings) as gateway:
        async with vexa_database(postgres, "vexa-0.10.sql") as vexa:
            done = await asyncio.to_thread(mover(tmp_path, bucket, gateway.database_url).run, *arguments(vexa))
        assert json.loads(done.stdout)["media_joined"] == 1
        for expected in EXPECTED["recordings"]:
            for media in expected["media_files"]:
                if not media["available"]:
                    continue
                stored = bucket.objects[f"{media['object']['storage']}/{media['object']['key']}"].data
                target = f"/recordings/{expected['id']}/media/{media['id']}/raw"
                fields = [("Range", "bytes=100-4099")]
                response = await call(gateway, target, key=KEYS[expected["user"]], fields=fields)
                assert (response.status, response.body) == (206, stored[100:4100])
                assert response.head["Content-Type"] == media["content_type"]
        (joined,) = (await fetch(gateway, f"/recordings/{JOINED}", key=KEYS["maple@example.org"]))["media_files"]
        assert joined["duration_seconds"] == pytest.approx(3.0, abs=0.15)
        parts = [bucket.objects[path].data for path in sorted(bucket.objects) if f"/{JOINED}/" in path]
        raw = await call(gateway, f"/recordings/{JOINED}/media/{joined['id']}/raw", key=KEYS["maple@example.org"])
        assert raw.body == b"".join(parts)
