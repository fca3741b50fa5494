"""What S3 servers and networks do differently, over raw sockets: chunked bodies, other regions, archives, dead addresses."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest

from storage_adapters.base import AccessDenied, ObjectArchived, ObjectNotFound, StorageFull, StorageUnavailable
from storage_adapters.s3 import S3Storage
from tests.contracts.storage_helpers import read_span, read_whole
from tests.s3.broken import until
from tests.storage_adapters.s3_stub import (
    CONTENT,
    HOST,
    STAT,
    error,
    exact,
    response,
    running_stub,
    span_of,
    stub_storage,
)


async def test_a_chunked_body_is_read_and_its_connection_kept() -> None:
    async with running_stub(lambda head: exact(head, chunked=True)) as stub, stub_storage(stub) as storage:
        for _ in range(3):
            assert await read_whole(storage, "key", STAT) == CONTENT
        async with storage.open("key", STAT) as stored:
            assert await read_span(stored, 995, 10) == CONTENT[995:1005]
        assert stub.accepted == 1


async def test_the_whole_object_in_chunks_is_used_if_it_is_our_version() -> None:
    tagged = response("200 OK", CONTENT, 'ETag: "abc"', chunked=True)
    async with (
        running_stub(lambda _: tagged) as stub,
        stub_storage(stub) as storage,
        storage.open("key", STAT) as stored,
    ):
        assert await read_span(stored, 7, 100) == CONTENT[7:107]


async def test_a_truncated_chunked_body_is_an_error() -> None:
    def ends_early(head: str) -> bytes:
        first, end = span_of(head)
        fields = (f"Content-Range: bytes {first}-{end - 1}/{len(CONTENT)}", 'ETag: "abc"')
        return response("206 Partial Content", CONTENT[first : end - 1], *fields, chunked=True)

    async with running_stub(ends_early) as stub, stub_storage(stub) as storage:
        with pytest.raises(StorageUnavailable):
            await read_whole(storage, "key", STAT)


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_a_refusal_does_not_cost_the_connection(*, chunked: bool) -> None:
    refusal = error("404 Not Found", "NoSuchKey", chunked=chunked)
    async with running_stub(lambda _: refusal) as stub, stub_storage(stub) as storage:
        for _ in range(3):
            with pytest.raises(ObjectNotFound):
                await read_whole(storage, "key", STAT)
        assert (stub.accepted, len(stub.heads)) == (1, 3)


REDIRECTS = {
    "301 with the region": error("301 Moved", "PermanentRedirect", "x-amz-bucket-region: eu-west-3"),
    "307 with the region": error("307 Temporary Redirect", "TemporaryRedirect", "x-amz-bucket-region: eu-west-3"),
    "400 with the region in its body": error(
        "400 Bad Request", "AuthorizationQueryParametersError", more="<Region>eu-west-3</Region>", chunked=True
    ),
    "403 with the region": error("403 Forbidden", "AccessDenied", "x-amz-bucket-region: eu-west-3"),
}


@pytest.mark.parametrize("redirect", REDIRECTS.values(), ids=REDIRECTS.keys())
async def test_the_buckets_region_is_followed_and_remembered(redirect: bytes) -> None:
    def answer(head: str) -> bytes:
        return exact(head) if "%2Feu-west-3%2Fs3" in head else redirect

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        for _ in range(3):
            assert await read_whole(storage, "key", STAT) == CONTENT
        assert len(stub.heads) == 4
        shown = await storage.presign_get("key", content_type=None, content_disposition=None)
        assert "%2Feu-west-3%2Fs3" in shown.url


async def test_many_readers_that_are_redirected_together_are_all_served() -> None:
    redirect = REDIRECTS["301 with the region"]

    def answer(head: str) -> bytes:
        return exact(head) if "%2Feu-west-3%2Fs3" in head else redirect

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        assert await asyncio.gather(*(read_whole(storage, "key", STAT) for _ in range(20))) == [CONTENT] * 20


async def test_a_location_is_followed() -> None:
    async with running_stub(exact) as there:
        elsewhere = f"Location: http://{HOST}:{there.port}/elsewhere/key?signature"
        redirect = error("307 Temporary Redirect", "TemporaryRedirect", elsewhere)
        async with running_stub(lambda _: redirect) as stub, stub_storage(stub) as storage:
            assert await read_whole(storage, "key", STAT) == CONTENT
        assert there.heads[0].startswith("GET /elsewhere/key?signature HTTP/1.1\r\n")
        assert f"Host: {HOST}:{there.port}\r\n" in there.heads[0]


@pytest.mark.parametrize("field", ["X: nothing", "Location: /again"])
async def test_a_redirect_that_leads_nowhere_is_refused_and_tried_again_later(field: str) -> None:
    redirect = error("301 Moved", "PermanentRedirect", field)
    async with running_stub(lambda _: redirect) as stub, stub_storage(stub) as storage:
        with pytest.raises(AccessDenied, match="redirects"):
            await read_whole(storage, "key", STAT)
        assert len(stub.heads) <= 4


def look(*fields: str) -> bytes:
    """The response to a HEAD."""
    modified = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"
    lines = ("HTTP/1.1 200 OK", f"Content-Length: {len(CONTENT)}", 'ETag: "abc"', modified, *fields)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


ARCHIVED = {
    "glacier": ("x-amz-storage-class: GLACIER",),
    "deep archive": ("x-amz-storage-class: DEEP_ARCHIVE",),
    "a class of a compatible": ("x-amz-storage-class: ColdArchive",),
    "being restored, no class": ('x-amz-restore: ongoing-request="true"',),
    "being restored": ("x-amz-storage-class: GLACIER", 'x-amz-restore: ongoing-request="true"'),
    "intelligent tiering": ("x-amz-storage-class: INTELLIGENT_TIERING", "x-amz-archive-status: ARCHIVE_ACCESS"),
}
READABLE = {
    "standard": (),
    "instant": ("x-amz-storage-class: GLACIER_IR",),
    "infrequent": ("x-amz-storage-class: STANDARD_IA",),
    "tiered": ("x-amz-storage-class: INTELLIGENT_TIERING",),
    "restored": ("x-amz-storage-class: GLACIER", 'x-amz-restore: ongoing-request="false", expiry-date="x"'),
}


@pytest.mark.parametrize("fields", ARCHIVED.values(), ids=ARCHIVED.keys())
async def test_an_archived_object_is_said_to_be_archived(fields: tuple[str, ...]) -> None:
    async with running_stub(lambda _: look(*fields)) as stub, stub_storage(stub) as storage:
        with pytest.raises(ObjectArchived):
            await read_whole(storage, "key")


@pytest.mark.parametrize("fields", READABLE.values(), ids=READABLE.keys())
async def test_an_object_that_can_be_read_is_not_called_archived(fields: tuple[str, ...]) -> None:
    def answer(head: str) -> bytes:
        return look(*fields) if head.startswith("HEAD") else exact(head)

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        assert await read_whole(storage, "key") == CONTENT


async def test_an_archived_object_is_looked_up_until_it_is_restored() -> None:
    fields = ["x-amz-storage-class: GLACIER"]
    is_restored = False

    def answer(head: str) -> bytes:
        if head.startswith("HEAD"):
            return look(*(fields if not is_restored else ()))
        return exact(head) if is_restored else error("403 Forbidden", "InvalidObjectState")

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        for _ in range(2):
            with pytest.raises(ObjectArchived):
                await read_whole(storage, "key", STAT)
        assert [head.split()[0] for head in stub.heads] == ["GET", "HEAD"]
        is_restored = True
        for _ in range(2):
            assert await read_whole(storage, "key", STAT) == CONTENT
        assert [head.split()[0] for head in stub.heads[2:]] == ["HEAD", "GET", "GET"]


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Every name has these addresses, in this order."""

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", each) for each in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


def silent_listener(stack: AsyncExitStack) -> int:
    """A port at which connecting hangs: its queue is full."""
    listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
    port: int = listener.getsockname()[1]
    for _ in range(3):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)  # noqa: FBT003 - the socket module's signature
        waiting.connect_ex((HOST, port))
    return port


async def test_an_address_that_does_not_answer_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as stack, running_stub(exact) as stub:
        silent = silent_listener(stack)
        resolving_to(monkeypatch, (HOST, silent), (HOST, silent), (HOST, stub.port))
        async with stub_storage(stub, "s3.example.test", connect_timeout_seconds=20) as storage:
            async with asyncio.timeout(10):
                assert await read_whole(storage, "key", STAT) == CONTENT


async def test_a_closed_storage_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack, running_stub(exact) as stub:
        silent = silent_listener(stack)
        async with stub_storage(stub) as storage:
            await asyncio.gather(*(read_whole(storage, "key", STAT) for _ in range(5)))
        await asyncio.sleep(0)
        before = count_descriptors()
        async with stub_storage(stub, connect_timeout_seconds=60) as storage:
            await read_whole(storage, "key", STAT)
            resolving_to(monkeypatch, (HOST, silent))
            readers = [asyncio.create_task(read_whole(storage, "key", STAT)) for _ in range(5)]
            await until(lambda: storage.connections.free <= storage.connections.total - 4)
            await storage.close()
            with pytest.raises(StorageUnavailable, match="closed"):
                await read_whole(storage, "key", STAT)
            await asyncio.gather(*readers, return_exceptions=True)
        await until(lambda: count_descriptors() <= before)


def count_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number matters


def entries(*keys: str) -> bytes:
    """A page of a listing."""
    listed = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>&quot;abc&quot;</ETag>"
        f"<Size>{len(CONTENT)}</Size></Contents>"
        for key in keys
    )
    return response("200 OK", f"<ListBucketResult>{listed}</ListBucketResult>".encode())


async def test_readiness_reads_a_byte_as_clients_do() -> None:
    is_broken = False

    def answer(head: str) -> bytes:
        if "Range: " not in head:
            return entries("first") if "list-type=2" in head else response("200 OK")
        return response("503 Slow Down") if is_broken else exact(head)

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        await storage.ping()
        assert "/bucket/first?" in stub.heads[-1]
        assert "Range: bytes=0-0\r\n" in stub.heads[-1]
        is_broken = True
        with pytest.raises(StorageUnavailable):
            await storage.ping()


async def test_an_empty_bucket_is_ready() -> None:
    def answer(head: str) -> bytes:
        return entries() if "list-type=2" in head else response("200 OK")

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        await storage.ping()


async def test_a_deleted_object_does_not_make_the_backend_unready() -> None:
    def answer(head: str) -> bytes:
        if "list-type=2" in head:
            return entries()
        return error("404 Not Found", "NoSuchKey") if "Range: " in head else response("200 OK")

    async with running_stub(answer) as stub, stub_storage(stub) as storage:
        async with storage.open("gone", STAT):
            pass
        for _ in range(3):
            await storage.ping()


@pytest.mark.parametrize(
    "refusal", [error("507 Insufficient Storage", "XMinioStorageFull"), error("403 Forbidden", "QuotaExceeded")]
)
async def test_a_full_server_is_said_to_be_full(refusal: bytes) -> None:
    async with running_stub(lambda _: refusal) as stub, stub_storage(stub) as storage:
        with pytest.raises(StorageFull):
            await _write(storage)


async def _write(storage: S3Storage) -> None:
    async with storage.create("key") as writer:
        await writer.write(b"content")
