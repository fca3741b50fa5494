"""seekgate import, from a bucket and into one: real processes, a real server, and every byte counted."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from gateway.catalog import MediaFile, Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog
from tests.commands.command_line import CommandLine, command_line
from tests.media_files import make_sound, make_still, make_video
from tests.s3.buckets import make_bucket, s3_client
from tests.s3.faults import FaultProxy, answer
from tests.s3.processes import S3Server
from tests.s3_gateway.broken import proxy_before
from tests.s3_gateway.s3_site import only_s3, s3_environ

NO_MEDIA = {"empty.mp3": "it is empty", "notes.txt": "it cannot be read as wav, mp3"}
USER = ("--user", "ada@example.org")


@pytest.fixture(scope="module")
def counting(s3_server: S3Server) -> Iterator[FaultProxy]:
    with proxy_before(s3_server) as thread:
        yield thread.proxy


@pytest.fixture
def proxy(counting: FaultProxy) -> FaultProxy:
    counting.break_next()
    return counting


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return asyncio.run(make_bucket(s3_server))


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str, proxy: FaultProxy, bucket: str) -> CommandLine:
    command = command_line(tmp_path, database__url=database_url)
    command.environ.update(only_s3(proxy.server, bucket))
    return command


def upload(server: S3Server, bucket: str, *objects: tuple[str, Path | bytes]) -> None:
    """Put objects into the bucket, as somebody else would: with the content type that means nothing."""

    async def put() -> None:
        async with s3_client(server) as client:
            for key, content in objects:
                body = content if isinstance(content, bytes) else content.read_bytes()
                await client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="binary/octet-stream")

    asyncio.run(put())


@pytest.fixture
def calls(s3_server: S3Server, bucket: str, tmp_path: Path) -> dict[str, Path]:
    """Three objects below `calls/`, among what is not media."""
    files = {
        "calls/1.mp3": make_sound(tmp_path / "sound.mp3"),
        "calls/deep/2 é+%20.m4a": make_sound(tmp_path / "moov-last.m4a"),
        "calls/deep/3.mp4": make_video(tmp_path / "moving.mp4"),
    }
    others: list[tuple[str, Path | bytes]] = [
        ("calls/", b""),
        ("calls/.hidden.mp3", b"x"),
        ("calls/4.mp3.part", b"x"),
        ("calls/empty.mp3", b""),
        ("calls/notes.txt", b"hello\n" * 100),
        ("elsewhere.mp3", files["calls/1.mp3"]),
    ]
    upload(s3_server, bucket, *files.items(), *others)
    return files


async def rows(pool: asyncpg.Pool) -> dict[str, MediaFile]:
    """What the user has, by key."""
    catalog, keys = PgRecordingCatalog(pool), PgApiKeys(pool)
    owner = Owner(await keys.ensure_user(USER[1]))
    recordings = await catalog.list_recordings(owner, limit=100, offset=0)
    return {media.object_key: media for recording in recordings for media in recording.media_files}


async def test_objects_in_a_bucket_are_registered_where_they_are(
    seekgate: CommandLine, bucket: str, calls: dict[str, Path], pool: asyncpg.Pool
) -> None:
    done = await asyncio.to_thread(seekgate.run, "import", f"s3://{bucket}/calls/", *USER, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == len(calls)
    registered = await rows(pool)
    assert {key: media.size for key, media in registered.items()} == {
        key: path.stat().st_size for key, path in calls.items()
    }
    assert {media.storage for media in registered.values()} == {"bucket"}
    found = registered["calls/deep/2 é+%20.m4a"]
    assert (found.type, found.format, found.content_type) == ("audio", "m4a", "audio/mp4")
    assert found.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert found.etag
    assert found.object_modified_at is not None
    assert registered["calls/deep/3.mp4"].type == "video"


def test_an_object_that_is_not_media_is_skipped_with_the_reason(
    seekgate: CommandLine, bucket: str, calls: dict[str, Path]
) -> None:
    done = seekgate.run("import", f"s3://{bucket}/calls", *USER)
    assert done.returncode == 0
    output = sorted(line for line in done.stderr.splitlines() if line.startswith("skipped"))
    assert len(output) == len(NO_MEDIA)
    for line, (name, reason) in zip(output, NO_MEDIA.items(), strict=True):
        assert line.startswith(f"skipped  s3://{bucket}/calls/{name}: {reason}")


def test_a_repeated_import_makes_no_second_row(seekgate: CommandLine, bucket: str, calls: dict[str, Path]) -> None:
    first = seekgate.json_lines("import", f"s3://{bucket}/calls/", *USER)
    again = seekgate.json_lines("import", f"s3://{bucket}/", *USER)
    by_id = {line["media_file_id"]: line for line in again}
    assert len(by_id) == len(first) + 1  # and elsewhere.mp3
    assert all(by_id[line["media_file_id"]] == line for line in first)


def test_a_named_object_that_is_not_media_fails(seekgate: CommandLine, bucket: str, calls: dict[str, Path]) -> None:
    output = seekgate.refusal(1, "import", f"s3://{bucket}/calls/notes.txt", *USER)
    assert output.startswith(f"failed  s3://{bucket}/calls/notes.txt: it cannot be read as")


def test_a_prefix_that_nothing_has_fails(seekgate: CommandLine, bucket: str) -> None:
    output = seekgate.refusal(1, "import", f"s3://{bucket}/none", *USER)
    assert output.startswith(f"failed  s3://{bucket}/none: no object's name starts with this\n")


LARGE_BYTES = 8 * 1024 * 1024
MOST_READ_BYTES = 3 * 512 * 1024


def enlarged(content: bytes) -> bytes:
    """The MP4 with more in its box of samples than its index, at the end, refers to."""
    at, end = content.index(b"mdat") - 4, content.index(b"moov") - 4
    assert int.from_bytes(content[at : at + 4], "big") == end - at
    size = LARGE_BYTES - (len(content) - end) - at
    return content[:at] + size.to_bytes(4, "big") + content[at + 4 : end].ljust(size - 4, b"\0") + content[end:]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        pytest.param("sound.wav", 100.0, id="wav"),
        pytest.param("sound.mp3", 5.0, id="mp3-whose-length-could-be-counted"),
        pytest.param("live.webm", 5.0, id="webm-that-does-not-say-its-length"),
        pytest.param("moov-last.m4a", 5.0, id="m4a-whose-index-is-at-its-end"),
    ],
)
def test_a_large_object_is_looked_at_and_never_read_whole(
    seekgate: CommandLine,
    bucket: str,
    s3_server: S3Server,
    proxy: FaultProxy,
    tmp_path: Path,
    name: str,
    seconds: float,
) -> None:
    content = make_sound(tmp_path / name, seconds).read_bytes()
    content = enlarged(content) if name == "moov-last.m4a" else content.ljust(LARGE_BYTES, b"\0")
    upload(s3_server, bucket, (name, content))
    (line,) = seekgate.json_lines("import", f"s3://{bucket}/{name}", *USER)
    assert line["size"] == len(content)
    assert 0 < proxy.sent < MOST_READ_BYTES < len(content)


def test_trouble_with_one_object_does_not_hold_up_the_others(
    seekgate: CommandLine, bucket: str, calls: dict[str, Path], proxy: FaultProxy
) -> None:
    proxy.break_next(answer(404, "NoSuchKey"))
    done = seekgate.run("import", f"s3://{bucket}/calls/", *USER, "--json")
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed")]
    assert (done.returncode, len(failed)) == (1, 1)
    assert "NoSuchKey" in failed[0]
    # Whichever object it was: the rest is registered, or skipped as always.
    skipped = done.stderr.count("skipped  ")
    assert done.stdout.count("\n") + skipped == len(calls) + len(NO_MEDIA) - 1


def test_the_prefix_of_a_storage_backend_is_not_part_of_its_keys(
    seekgate: CommandLine, bucket: str, calls: dict[str, Path], proxy: FaultProxy
) -> None:
    seekgate.environ.update(s3_environ(proxy.server, bucket, prefix="calls/"))
    for url in (f"s3://{bucket}/calls", f"s3://{bucket}/calls/", f"s3://{bucket}/calls/deep"):
        lines = seekgate.json_lines("import", url, *USER)
        assert len(lines) == (2 if url.endswith("deep") else 3)
    output = seekgate.refusal(1, "import", f"s3://{bucket}/", *USER)
    assert f"s3://{bucket}/ is not in any storage backend; the configured buckets are: bucket" in output


def test_a_bucket_of_two_storage_backends_asks_which(seekgate: CommandLine, bucket: str, proxy: FaultProxy) -> None:
    seekgate.environ.update(s3_environ(proxy.server, bucket, "other"))
    output = seekgate.refusal(1, "import", f"s3://{bucket}/x", *USER)
    assert f"s3://{bucket}/x is in bucket, other: choose one with --storage" in output
    assert "no object's name" in seekgate.refusal(1, "import", f"s3://{bucket}/x", *USER, "--storage", "other")


@pytest.mark.parametrize("url", ["s3://", "s3:///key"])
def test_an_address_without_a_bucket_is_wrong_usage(seekgate: CommandLine, url: str) -> None:
    assert "is not an address like s3://bucket/prefix" in seekgate.refusal(2, "import", url, *USER)


def test_a_bucket_that_cannot_be_listed_is_reported_plainly(seekgate: CommandLine, bucket: str) -> None:
    name = "SEEKGATE_STORAGES__BUCKET__SECRET_ACCESS_KEY"
    seekgate.environ[name] = "another"
    output = seekgate.refusal(1, "import", f"s3://{bucket}/", *USER)
    assert "SignatureDoesNotMatch" in output or "403" in output


async def test_files_of_this_machine_are_copied_into_the_bucket(
    seekgate: CommandLine, bucket: str, s3_server: S3Server, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    sound, still = make_sound(tmp_path / "sound.wav", 200), make_still(tmp_path / "still.png")
    lines = await asyncio.to_thread(seekgate.json_lines, "import", sound, still, *USER)
    registered = await rows(pool)
    assert sorted(line["size"] for line in lines) == sorted(media.size or 0 for media in registered.values())
    async with s3_client(s3_server) as client:
        for key, media in registered.items():
            stored = await client.get_object(Bucket=bucket, Key=key)
            path = {"wav": sound, "png": still}[media.format]
            assert await stored["Body"].read() == path.read_bytes()
            assert stored["ContentType"] == media.content_type


async def test_verify_reads_the_objects_of_a_bucket_again(
    seekgate: CommandLine, bucket: str, calls: dict[str, Path], pool: asyncpg.Pool
) -> None:
    await asyncio.to_thread(seekgate.run, "import", f"s3://{bucket}/calls/", *USER)
    await pool.execute("UPDATE media_files SET duration_seconds = 9 WHERE object_key = 'calls/1.mp3'")
    for states in (["differs", "same", "same"], ["same", "same", "same"]):
        found = await asyncio.to_thread(seekgate.json_lines, "verify", "--all")
        assert sorted(line["state"] for line in found) == states
    assert (await rows(pool))["calls/1.mp3"].duration_seconds == pytest.approx(2.0, abs=0.1)
    assert len(found) == len(calls)
