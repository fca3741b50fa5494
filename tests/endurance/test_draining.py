"""SIGTERM: readiness fails, idle connections close, running streams are completed, and the process exits with 0."""

import asyncio
import signal
import subprocess
from typing import Final

import asyncpg
import pytest

from tests.conformance.ask import compose_row
from tests.conformance.calling import call, document
from tests.conformance.media import Media
from tests.conformance.objects import add, noise
from tests.conformance.raw_http import TruncatedError, compose, connect
from tests.conformance.table import Row
from tests.endurance.conftest import Start
from tests.gateway_process import Gateway

WHOLE: Final = Row("whole", (), 200)
LARGE_BYTES: Final = 32 * 1024 * 1024


async def test_a_stopping_gateway_completes_running_streams(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "110"})
    media = add(site, "draining", noise(11, LARGE_BYTES))
    async with connect(site.host, site.port) as streaming, connect(site.host, site.port) as idle:
        await idle.send(compose("GET", "/readyz"))
        assert (await idle.read_response()).status == 200
        await streaming.send(compose_row(site, WHOLE, media))
        head = await streaming.read_head()
        site.process.signal(signal.SIGTERM)
        await idle.expect_end()
        await check_late_requests(site, media)
        assert await streaming.read_exactly(head.promised_bytes("GET")) == media.content
        await streaming.expect_end()
    assert await asyncio.to_thread(site.process.wait) == 0
    assert "Traceback" not in site.log_text()


async def check_late_requests(site: Gateway, media: Media) -> None:
    """During shutdown readiness fails, but a request that still arrives is answered, and its connection closed."""
    assert (await call(site, "/readyz", fields=[("Connection", "close")])).status == 503
    assert (await call(site, "/livez", fields=[("Connection", "close")])).status == 200
    late = await call(site, media.target, key=site.key, fields=[("Range", "bytes=0-4")])
    assert (late.status, late.body) == (206, media.content[:5])
    assert late.head["Connection"].lower() == "close"


async def test_the_deadline_cuts_running_streams(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "0.2"})
    media = add(site, "cut", noise(13, LARGE_BYTES))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, WHOLE, media))
        head = await connection.read_head()
        site.process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(site.process.wait) == 0
        with pytest.raises(TruncatedError):
            await connection.read_exactly(head.promised_bytes("GET"))


async def test_a_stopping_gateway_finishes_a_request_that_waits_for_the_database(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "110", "SEEKGATE_DATABASE__COMMAND_TIMEOUT_SECONDS": "100"})
    media = add(site, "waiting", noise(17, 100))
    connection = await asyncpg.connect(site.database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE recordings")
            target = f"/recordings/{media.recording_id}"
            deleting = asyncio.create_task(call(site, target, method="DELETE", key=site.key))
            await until_blocked(connection)
            site.process.signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):  # longer than idle connections get
                await asyncio.to_thread(site.process.wait, 3)
    finally:
        await connection.close()
    assert (await deleting).status == 200
    assert await asyncio.to_thread(site.process.wait) == 0


async def test_a_stopping_gateway_finishes_a_response_that_its_client_reads_slowly(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "110"})
    key = ("X-API-Key", site.key)
    cues = [f"{hour:02}:00:00.000 --> {hour:02}:00:01.000\n{'x' * 90_000}\n\n" for hour in range(40)]
    captions = "WEBVTT\n\n" + "".join(cues)
    fields = [key, ("Content-Type", "text/vtt"), ("Content-Length", str(len(captions)))]
    async with connect(site.host, site.port, receive_bytes=32 * 1024) as client:
        await client.send(compose("POST", "/v1/recordings", [key, ("Content-Length", "2")], body=b"{}"))
        target = f"/v1/recordings/{document(await client.read_response('POST'))['id']}/transcript"
        await client.send(compose("PUT", target, fields, body=captions.encode()))
        assert (await client.read_response("PUT")).status == 204
        await client.send(compose("GET", target, [key]))
        head = await client.read_head()
        site.process.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):  # longer than idle connections get
            await asyncio.to_thread(site.process.wait, 5)
        assert len(await client.read_exactly(head.promised_bytes("GET"))) > len(captions)
    assert await asyncio.to_thread(site.process.wait) == 0


async def until_blocked(connection: asyncpg.Connection) -> None:
    """Return once another session waits for a lock."""
    blocked = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
    )
    async with asyncio.timeout(60):
        while not await connection.fetchval(blocked):  # noqa: ASYNC110 - nothing here hears of it
            await asyncio.sleep(0.01)


async def test_a_stopping_gateway_receives_the_rest_of_a_body(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "110"})
    body = b'{"name": "sent in two halves"}'
    fields = [("X-API-Key", site.key), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    async with connect(site.host, site.port) as sending, connect(site.host, site.port) as idle:
        await idle.send(compose("GET", "/readyz"))
        assert (await idle.read_response()).status == 200
        await sending.send(compose("POST", "/v1/recordings", fields) + body[:10])
        site.process.signal(signal.SIGTERM)
        await idle.expect_end()
        await sending.send(body[10:])
        assert (await sending.read_response("POST")).status == 201
    assert await asyncio.to_thread(site.process.wait) == 0


async def test_a_stopping_gateway_refuses_connections_before_the_deadline(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "1"})
    media = add(site, "refusing", noise(19, LARGE_BYTES))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, WHOLE, media))
        await connection.read_head()
        site.process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(site.process.wait) == 0
    log = site.log_text()
    assert 0 < log.index("no more connections are accepted") < log.index("requests were cut at the deadline")


async def test_an_interrupt_ends_an_idle_gateway_immediately_and_cleanly(start: Start) -> None:
    site = start({})
    site.process.signal(signal.SIGINT)
    assert await asyncio.to_thread(site.process.wait) == 0
    assert "Traceback" not in site.log_text()
