"""What each S3 server answers to the adapter's requests: one row for each kind of request, strict servers and odd ones.

The whole contract runs on one of them (test_contract.py).
"""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from storage_adapters.base import AccessDenied, ObjectChanged, ObjectNotFound, StorageUnavailable
from storage_adapters.resumable import Piece
from storage_adapters.s3 import S3Storage
from storage_adapters.s3.writer import PART_BYTES
from tests.contracts.storage_helpers import LARGE, UNUSUAL_KEYS, exists, read_span, read_whole
from tests.s3.broken import CONTENT, put
from tests.s3.buckets import make_bucket, s3_storage
from tests.s3.processes import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=["swift", "ceph", "rclone", "seaweedfs"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(server: S3Server) -> AsyncGenerator[S3Storage]:
    async with s3_storage(server, await make_bucket(server), prefix="kept/here/", max_connections=8) as opened:
        yield opened


async def test_any_span_is_exact(storage: S3Storage) -> None:
    await put(storage, "large", LARGE)
    async with storage.open("large") as stored:
        assert stored.stat.size == len(LARGE)
        for offset, length in ((0, 1), (len(LARGE) - 1, 1), (1000, 1_500_000), (0, len(LARGE)), (7, 0)):
            assert await read_span(stored, offset, length) == LARGE[offset : offset + length]


async def test_an_empty_object_is_empty(storage: S3Storage) -> None:
    await put(storage, "empty", b"")
    assert await read_whole(storage, "empty") == b""


async def test_a_missing_object_is_not_found(storage: S3Storage) -> None:
    assert not await exists(storage, "missing")
    await put(storage, "missing soon", b"content")
    async with storage.open("missing soon") as stored:
        stat = stored.stat
    await storage.delete("missing soon")
    await storage.delete("missing soon")
    with pytest.raises(ObjectNotFound):
        await read_whole(storage, "missing soon", stat)


async def test_another_version_is_noticed(storage: S3Storage) -> None:
    await put(storage, "replaced", b"old bytes of it")
    async with storage.open("replaced") as stored:
        await put(storage, "replaced", b"new bytes of it")
        with pytest.raises(ObjectChanged):
            await read_span(stored, 0, 10)


async def test_keys_are_what_they_were_given_as_and_listed_in_order(storage: S3Storage) -> None:
    keys = sorted(f"keys/{key}" for key in UNUSUAL_KEYS.values() if len(key) < 200)
    for key in keys:
        await put(storage, key, key.encode())
    assert sorted([listed.key async for listed in storage.list("keys/")]) == keys
    for key in keys:
        assert await read_whole(storage, key) == key.encode()


async def test_many_are_deleted_in_one_request_and_absent_ones_are_fine(storage: S3Storage) -> None:
    keys = ["many/1", "many/b ü+%25?.mp3", "many/<&>'\"", "many/absent"]
    for key in (*keys[:3], "many/stays"):
        await put(storage, key, b"content")
    assert await storage.delete_many([*keys, "", "../outside"]) == {}
    assert [listed.key async for listed in storage.list("many/")] == ["many/stays"]


async def test_a_large_object_is_written_in_parts(storage: S3Storage) -> None:
    content = (CONTENT * (2 * PART_BYTES // len(CONTENT) + 1))[: PART_BYTES + 1]
    await put(storage, "parts", content)
    assert await read_whole(storage, "parts") == content


async def test_whole_parts_are_copied_by_the_server_and_the_rest_is_sent(storage: S3Storage) -> None:
    content = (CONTENT * (3 * PART_BYTES // len(CONTENT) + 1))[: 2 * PART_BYTES + 1000]
    await put(storage, "chunks/ü 1", content)
    await put(storage, "chunks/2", b"0123456789")
    pieces: list[Piece | bytes] = [
        Piece("chunks/ü 1", 0, len(content)),
        b"between",
        Piece("chunks/2", 2, 3),
        Piece("chunks/ü 1", 7, 9),
    ]
    await storage.compose("joined", pieces, content_type="audio/wav")
    assert await read_whole(storage, "joined") == content + b"between234" + content[7:16]
    assert [listed.key async for listed in storage.list("chunks/")] == ["chunks/2", "chunks/ü 1"]


async def test_readiness_reads_a_byte(storage: S3Storage) -> None:
    await put(storage, "ready", b"content")
    await storage.ping()


async def test_wrong_credentials_are_denied(server: S3Server) -> None:
    async with s3_storage(server, await make_bucket(server), secret_access_key="wrong") as other:
        with pytest.raises(AccessDenied):
            await other.ping()


async def test_a_missing_bucket_is_not_a_missing_object(server: S3Server) -> None:
    async with s3_storage(server, "no-such-bucket") as other:
        with pytest.raises(StorageUnavailable, match="no-such-bucket"):
            await other.ping()
        with pytest.raises(StorageUnavailable, match="no-such-bucket"):
            await read_whole(other, "key")
