"""What the network and S3 do to a read: the right bytes, or a clear error; and the next read is served.

Every test goes through real sockets, over the fault proxy to a real S3 server.
"""

from collections.abc import AsyncGenerator
from typing import Final

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_adapters.base import (
    AccessDenied,
    ObjectArchived,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
    StorageUnavailable,
)
from storage_adapters.s3 import S3Storage
from tests.contracts.storage_helpers import exists, read_span
from tests.s3.broken import CONTENT, IMPATIENT, SIZE, WINDOW, breakable_storage, put
from tests.s3.faults import PASS, Fault, FaultProxy, answer, answering, cut, forgetting
from tests.s3.processes import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Many connections: the tokens that stop retry storms are counted by them, and this module is one storm.
MANY: Final = {"max_connections": 64}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(s3_server: S3Server, proxy: FaultProxy) -> AsyncGenerator[S3Storage]:
    async with breakable_storage(s3_server, proxy, **MANY) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient(s3_server: S3Server, proxy: FaultProxy) -> AsyncGenerator[S3Storage]:
    """An adapter that soon gives up on a response."""
    async with breakable_storage(s3_server, proxy, **MANY, **IMPATIENT) as opened:
        yield opened


RECOVERABLE = {
    "reset_before_the_head": cut(-1, "reset"),
    "closed_before_the_head": cut(-1, "close"),
    "stalled_before_the_head": cut(-1, "stall"),
    "reset_before_the_first_byte": cut(0, "reset"),
    "reset_in_the_body": cut(1000, "reset"),
    "closed_in_the_body": cut(1000, "close"),
    "stalled_in_the_body": cut(1000, "stall"),
    "internal_error": answer(500, "InternalError"),
    "bad_gateway": answer(502, "BadGateway"),
    "slow_down": answer(503, "SlowDown"),
    "gateway_timeout": answer(504, "GatewayTimeout"),
    "too_many_requests": answer(429, "TooManyRequests"),
    "signature_refused": answer(403, "SignatureDoesNotMatch"),
    "token_expired": answer(400, "ExpiredToken"),
}


@pytest.mark.parametrize(
    "fault", [*RECOVERABLE.values(), cut(WINDOW - 1, "close")], ids=[*RECOVERABLE.keys(), "closed_one_byte_early"]
)
async def test_one_fault_costs_the_reader_nothing(
    storage: S3Storage, impatient: S3Storage, proxy: FaultProxy, fault: Fault
) -> None:
    async with (impatient if fault.ending == "stall" else storage).open("key") as stored:
        proxy.break_next(fault)
        assert await read_span(stored, 100, 2 * WINDOW) == CONTENT[100 : 100 + 2 * WINDOW]
        assert len(proxy.ranges) >= 2


async def test_a_broken_body_is_resumed_at_the_exact_byte_of_the_same_version(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(cut(1000, "close"), cut(500, "close"))
        assert await read_span(stored, 100, 9000) == CONTENT[100:9100]
    # The client drops what it had not yet handed on when the connection ends: it may ask from before the cut.
    starts = [int(asked.removeprefix("bytes=").removesuffix("-9099")) for asked in proxy.ranges]
    assert starts[0] == 100
    assert starts == sorted(starts)
    assert starts[-1] <= 1600
    assert proxy.conditions == [f'"{stored.stat.etag}"'] * 3


@pytest.mark.parametrize("fault", RECOVERABLE.values(), ids=RECOVERABLE.keys())
async def test_a_lasting_fault_is_an_error_and_the_next_read_is_served(
    storage: S3Storage, impatient: S3Storage, proxy: FaultProxy, fault: Fault
) -> None:
    async with (impatient if fault.ending == "stall" else storage).open("key") as stored:
        proxy.break_next(*[fault] * 20)
        with pytest.raises((StorageUnavailable, AccessDenied)) as caught:
            await read_span(stored, 0, WINDOW)
        assert caught.value.key == "key"
        proxy.break_next()
        assert await read_span(stored, 0, WINDOW) == CONTENT[:WINDOW]


async def test_a_refusal_is_asked_about_once_more_and_then_believed(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(*[answer(403, "AccessDenied")] * 5)
        with pytest.raises(AccessDenied):
            await read_span(stored, 0, 10)
        assert len(proxy.ranges) == 2


FINAL = {
    "changed": (answer(412, "PreconditionFailed"), ObjectChanged),
    "shorter_now": (answer(416, "InvalidRange"), ObjectChanged),
    "gone": (answer(404, "NoSuchKey"), ObjectNotFound),
    "bucket_gone": (answer(404, "NoSuchBucket"), StorageUnavailable),
    "bucket_gone_in_chunks": (
        Fault(
            instead=b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n<Code>NoSuchBucket</Code>\r\n0\r\n\r\n"
        ),
        StorageUnavailable,
    ),
    "archived": (answer(403, "InvalidObjectState"), ObjectArchived),
    "elsewhere": (answer(301, "PermanentRedirect"), AccessDenied),
    "another_offset": (answering(b"Content-Range: bytes 5-", b"Content-Range: bytes 6-"), StorageUnavailable),
    "another_end": (answering(b"-14/", b"-15/"), StorageUnavailable),
    "another_size": (answering(b"/%d" % SIZE, b"/%d" % (SIZE + 1)), ObjectChanged),
    "another_tag": (answering(b'ETag: "', b'ETag: "0'), ObjectChanged),
    "a_weak_tag": (answering(b'ETag: "', b'ETag: W/"'), ObjectChanged),
    "no_content_range": (answering(b"Content-Range:", b"X-Content-Range:"), StorageUnavailable),
    "another_unit": (answering(b"Content-Range: bytes", b"Content-Range: items"), StorageUnavailable),
    "no_content_length": (answering(b"Content-Length:", b"X-Content-Length:"), StorageUnavailable),
    "not_in_the_chunks_it_promised": (
        Fault(
            instead=b"HTTP/1.1 206 Part\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 5-14/%d\r\n\r\nno size\r\n"
            % SIZE
        ),
        StorageUnavailable,
    ),
    "too_short_a_length": (answering(b"Content-Length: 10", b"Content-Length: 9"), StorageUnavailable),
    "empty": (answering(b"206 Partial Content", b"204 No Content"), StorageUnavailable),
    "not_http": (Fault(instead=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), StorageUnavailable),
}


@pytest.mark.parametrize(("fault", "error"), FINAL.values(), ids=FINAL.keys())
async def test_a_response_that_is_not_exact_is_refused(
    storage: S3Storage, proxy: FaultProxy, fault: Fault, error: type[StorageError]
) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(*[fault] * 20)
        with pytest.raises(error):
            await read_span(stored, 5, 10)
        proxy.break_next()
        assert await read_span(stored, 5, 10) == CONTENT[5:15]


async def test_bytes_after_the_promised_ones_are_dropped_with_their_connection(
    s3_server: S3Server, proxy: FaultProxy
) -> None:
    async with breakable_storage(s3_server, proxy) as storage, storage.open("key") as stored:
        fields = f'Content-Range: bytes 5-14/{SIZE}\r\nContent-Length: 10\r\nETag: "{stored.stat.etag}"'
        head = f"HTTP/1.1 206 Partial Content\r\n{fields}\r\n\r\n".encode()
        proxy.break_next(Fault(instead=head + CONTENT[5:15] + head + bytes(10)))
        accepted = proxy.accepted
        for _ in range(3):
            assert await read_span(stored, 5, 10) == CONTENT[5:15]
        assert proxy.accepted == accepted + 2


async def test_a_200_with_the_exact_content_range_is_accepted(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(answering(b"206 Partial Content", b"200 OK"))
        assert await read_span(stored, 5, 10) == CONTENT[5:15]


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        pytest.param(0, SIZE, id="everything"),
        pytest.param(0, 100, id="the_beginning"),
        pytest.param(1024 * 1024, 100, id="as_far_in_as_is_skipped"),
        pytest.param(1024, SIZE - 1024, id="nearly_everything"),
    ],
)
async def test_a_server_that_ignores_range_is_read_through_in_one_request(
    storage: S3Storage, proxy: FaultProxy, offset: int, length: int
) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(*[forgetting(b"Range")] * 9)
        assert await read_span(stored, offset, length) == CONTENT[offset : offset + length]
        assert len(proxy.ranges) == 1


async def test_a_server_that_ignores_range_is_not_read_up_to_a_far_offset(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    await put(storage, "huge", CONTENT * 6)
    async with storage.open("huge") as stored:
        proxy.break_next(*[forgetting(b"Range")] * 2)
        with pytest.raises(StorageUnavailable, match="ignores Range"):
            await read_span(stored, 2 * 1024 * 1024, 100)
        # What the sockets had taken before the client closed them, not the whole object twice.
        assert proxy.sent < len(CONTENT) * 10


WRONG_ONCE = {
    "the whole object": forgetting(b"Range"),
    "other bytes": answering(b"Content-Range: bytes 2", b"Content-Range: bytes 3"),
    "another unit": answering(b"Content-Range: bytes", b"Content-Range: items"),
    "no Content-Range": answering(b"Content-Range:", b"X-Content-Range:"),
    "a length that is too short": answering(b"Content-Length: 10\r", b"Content-Length: 9\r"),
    "a length that is too long": answering(b"Content-Length: 10\r", b"Content-Length: 11\r"),
    "another size": answering(b"/%d" % SIZE, b"/%d" % (SIZE + 1)),
    "another version": answering(b'ETag: "', b'ETag: "0'),
    "nothing": answering(b"206 Partial Content", b"204 No Content"),
}


@pytest.mark.parametrize("fault", WRONG_ONCE.values(), ids=WRONG_ONCE.keys())
async def test_a_single_wrong_response_is_requested_again(storage: S3Storage, proxy: FaultProxy, fault: Fault) -> None:
    async with storage.open("key") as stored:
        proxy.break_next(fault)
        assert await read_span(stored, 2 * 1024 * 1024, 10) == CONTENT[2 * 1024 * 1024 :][:10]
        assert proxy.conditions == [f'"{stored.stat.etag}"'] * 2


async def test_a_new_version_ends_a_read_of_the_old_one(storage: S3Storage, proxy: FaultProxy) -> None:
    await put(storage, "replaced", b"old bytes of it")
    async with storage.open("replaced") as stored:
        await put(storage, "replaced", b"new bytes of it")
        with pytest.raises(ObjectChanged):
            await read_span(stored, 0, 10)


async def test_a_new_version_is_seen_even_where_if_match_is_ignored(storage: S3Storage, proxy: FaultProxy) -> None:
    await put(storage, "replaced again", b"old bytes of it")
    async with storage.open("replaced again") as stored:
        await put(storage, "replaced again", b"new bytes of it")
        proxy.break_next(forgetting(b"If-Match"))
        with pytest.raises(ObjectChanged):
            await read_span(stored, 0, 10)


async def test_an_object_deleted_while_it_is_open_is_not_found(storage: S3Storage) -> None:
    await put(storage, "deleted", CONTENT[:100])
    async with storage.open("deleted") as stored:
        await storage.delete("deleted")
        with pytest.raises(ObjectNotFound):
            await read_span(stored, 0, 10)


SHORT = 8 * WINDOW + 1

FAULTS = st.one_of(
    st.just(PASS),
    st.builds(cut, st.integers(-1, 2 * WINDOW), st.sampled_from(["reset", "close"])),
    st.sampled_from([answer(500, "InternalError"), answer(503, "SlowDown"), answer(403, "AccessDenied")]),
    st.sampled_from([forgetting(b"Range"), answering(b"206 Partial Content", b"200 OK")]),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
    ],
)
@given(ends=st.tuples(st.integers(0, SHORT), st.integers(0, SHORT)), schedule=st.lists(FAULTS, max_size=6))
async def test_any_span_over_any_faults_is_exact_or_an_error(
    storage: S3Storage, proxy: FaultProxy, ends: tuple[int, int], schedule: list[Fault]
) -> None:
    start, stop = sorted(ends)
    if not await exists(storage, "short"):
        await put(storage, "short", CONTENT[:SHORT])
    async with storage.open("short") as stored:
        proxy.break_next(*schedule)
        try:
            assert await read_span(stored, start, stop - start) == CONTENT[start:stop]
        except StorageError:
            assert proxy.ranges
        proxy.break_next()
        assert await read_span(stored, SHORT - 10, 10) == CONTENT[SHORT - 10 : SHORT]
