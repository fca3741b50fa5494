"""A repeated request for an object of a remote storage backend gets the response that parsing would give, without it."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.web.fast_path.fast_connection import FastConnection
from storage_adapters.base import ObjectNotFound
from tests.conformance.raw_http import compose, connect
from tests.s3.broken import until
from tests.storage_adapters.s3_stub import error
from tests.web.byte_route_site import SIZE
from tests.web.fast_path.fast_requests import FIRST, ask, head, lasting
from tests.web.fast_path.remote_site import RemoteSite, remote_site

GONE = error("404 Not Found", "NoSuchKey")
DENIED = error("403 Forbidden", "AccessDenied")
ARCHIVED = error("403 Forbidden", "InvalidObjectState")
SLOW_DOWN = error("503 Slow Down", "SlowDown")


@pytest.fixture
async def far(tmp_path: Path) -> AsyncGenerator[RemoteSite]:
    async with remote_site(tmp_path) as built:
        yield built
        assert (built.site.streams.running, built.site.connections.busy) == (0, set())


async def test_the_second_read_is_not_parsed_and_answered_the_same(far: RemoteSite) -> None:
    site = far.site
    async with connect("127.0.0.1", site.port) as client:
        first = await ask(client, head(site, FIRST))
        second = await ask(client, head(site, FIRST))
        third = await ask(client, head(site, "bytes=70000-"))
    assert site.slow_path_ranges == [FIRST]
    assert lasting(first) == lasting(second)
    assert third.body == site.content[70_000:]
    slow, fast = (await site.log_lines())[:2]
    own = {"time", "request_id", "milliseconds"}
    assert {name: fast[name] for name in fast.keys() - own} == {name: slow[name] for name in slow.keys() - own}


async def test_the_response_has_ended_when_its_last_byte_is_sent(far: RemoteSite) -> None:
    """Otherwise the client's next request, which may arrive immediately, would be parsed."""
    site = far.site
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
    with socket.create_connection(("127.0.0.1", site.port)) as client_socket:
        client_socket.settimeout(0)
        client_socket.sendall(head(site, FIRST))
        received = b""
        async with asyncio.timeout(20):
            while not received.endswith(site.content[:100]):
                await asyncio.sleep(0)
                with suppress(BlockingIOError):
                    received += client_socket.recv(10_000)
        (connection,) = site.server.connections
        assert isinstance(connection, FastConnection)
        assert not connection.is_responding
    assert site.slow_path_ranges == [FIRST]


@pytest.mark.parametrize("asked", [None, "bytes=5-", "bytes=600000-700000", f"bytes={SIZE - 1}-"])
async def test_any_range_is_exact(far: RemoteSite, asked: str | None) -> None:
    site = far.site
    async with connect("127.0.0.1", site.port) as client:
        responses = [await ask(client, head(site, asked)) for _ in range(3)]
    assert {repr(lasting(each)) for each in responses} == {repr(lasting(responses[0]))}
    assert len(site.slow_path_ranges) == 1


@pytest.mark.parametrize(
    ("refusal", "status"), [(GONE, 404), (DENIED, 502), (ARCHIVED, 403), (SLOW_DOWN, 503)], ids=str
)
async def test_a_failure_before_the_first_byte_is_an_honest_status(
    far: RemoteSite, refusal: bytes, status: int
) -> None:
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.gets.clear()
        # After a refusal, S3 is asked again with other credentials, and never a second time for the same response.
        bucket.refusals.extend([refusal] * 2)
        refused = await ask(client, head(site, FIRST))
        assert refused.status == status
        assert len(bucket.gets) == (2 if status == 502 else 1)
        bucket.refusals.clear()
        assert (await ask(client, head(site, FIRST))).body == site.content[:100]
    assert [line["status"] for line in await site.log_lines()] == [206, status, 206]


async def test_an_object_that_was_replaced_is_answered_afresh(far: RemoteSite) -> None:
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.put(b"another")
        for _ in range(3):
            assert (await ask(client, head(site, FIRST))).body == b"another"
    assert (await site.log_lines())[1]["status"] == 206


async def test_requests_that_arrive_during_a_failing_one_are_answered_in_order(far: RemoteSite) -> None:
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.gets.clear()
        bucket.refusals.append(GONE)
        await far.begin(client, head(site, FIRST))
        await client.send(head(site, "bytes=1-1") + head(site, "bytes=2-2"))
        async with connect("127.0.0.1", site.port) as other:
            await ask(other, compose("GET", "/elsewhere"))  # the gateway has read what was sent before
        far.server.answers.set()
        assert (await client.read_response()).status == 404
        for start in (1, 2):
            assert (await client.read_response()).body == site.content[start : start + 1]


async def test_a_failure_is_not_the_response_to_the_next_request(far: RemoteSite) -> None:
    """The key is revoked while S3 answers: that request is refused for its key, and the next one is served."""
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.refusals.append(GONE)
        await far.begin(client, head(site, FIRST))
        (key,) = await site.keys.list_keys()
        await site.keys.revoke_key(key.prefix)
        far.server.answers.set()
        assert (await client.read_response()).status == 401
        served = await ask(client, compose("GET", site.signed_target, [("Range", FIRST)]))
        assert served.body == site.content[:100]


@pytest.mark.parametrize("refusal", [None, GONE], ids=["served", "refused"])
async def test_a_half_closed_client_gets_its_response(far: RemoteSite, refusal: bytes | None) -> None:
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.refusals.extend([refusal] if refusal else [])
        await far.begin(client, head(site, FIRST))
        client.end()
        async with connect("127.0.0.1", site.port) as other:
            await ask(other, compose("GET", "/elsewhere"))
        far.server.answers.set()
        assert (await client.read_response()).status == (404 if refusal else 206)
        await client.expect_end()


async def test_a_client_that_half_closes_when_its_head_is_handed_back_gets_its_response(far: RemoteSite) -> None:
    async with connect("127.0.0.1", far.site.port) as client:
        await until(lambda: bool(far.site.server.connections))
        (connection,) = far.site.server.connections
        assert isinstance(connection, FastConnection)
        connection.respond_later()
        connection.fall_back_after(head(far.site, FIRST), ObjectNotFound(far.site.media.object_key, "it was deleted"))
        assert connection.eof_received()
        assert (await client.read_response()).status == 404
        await client.expect_end()


async def test_a_failure_during_a_drain_is_the_last_response_of_its_connection(far: RemoteSite) -> None:
    site, bucket = far.site, far.bucket
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        bucket.refusals.append(GONE)
        await far.begin(client, head(site, FIRST))
        site.drain.request()
        await site.connections.close_idle(site.server)
        far.server.answers.set()
        assert (await client.read_response()).status == 404
        await client.expect_end()
    assert [line["status"] for line in await site.log_lines()] == [206, 404]


async def test_a_client_that_disconnects_frees_everything(far: RemoteSite) -> None:
    site = far.site
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        await far.begin(client, head(site, FIRST))
        client.reset()
        await until(lambda: site.streams.running == 0)
    assert far.storage.connections.free == far.storage.connections.total
    assert (await site.log_lines())[1]["outcome"] == "client_closed"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_request_that_reads_nothing_asks_s3_each_time(far: RemoteSite, method: str) -> None:
    site = far.site
    async with connect("127.0.0.1", site.port) as client:
        fields = [("If-None-Match", f'"{far.bucket.etag}"')] if method == "GET" else []
        for _ in range(3):
            response = await ask(client, head(site, None, *fields, method=method), method)
            assert response.status == (304 if fields else 200)
    assert len(site.slow_path_ranges) == 3


async def test_clients_in_parallel_get_their_own_bytes(far: RemoteSite) -> None:
    site = far.site

    async def seek(number: int) -> None:
        async with connect("127.0.0.1", site.port) as client:
            for turn in range(10):
                start = number * 1000 + turn
                response = await ask(client, head(site, f"bytes={start}-{start + 30_000}"))
                assert response.body == site.content[start : start + 30_001]

    await asyncio.gather(*(seek(number) for number in range(20)))
