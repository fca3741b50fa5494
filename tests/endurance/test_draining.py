"""SIGTERM: readiness fails, idle connections close, running streams end whole, and the process exits with 0."""

import asyncio
import signal
from typing import Final

import pytest

from tests.conformance.ask import compose_row
from tests.conformance.calling import call
from tests.conformance.objects import add, noise
from tests.conformance.raw_http import TruncatedError, compose, connect
from tests.conformance.table import Row
from tests.endurance.conftest import Start

WHOLE: Final = Row("whole", (), 200)
LARGE_BYTES: Final = 32 * 1024 * 1024


async def test_a_draining_gateway_finishes_what_it_began(start: Start) -> None:
    site = start({})
    media = add(site, "draining", noise(11, LARGE_BYTES))
    async with connect(site.host, site.port) as streaming, connect(site.host, site.port) as idle:
        await idle.send(compose("GET", "/readyz"))
        assert (await idle.read_response()).status == 200
        await streaming.send(compose_row(site, WHOLE, media))
        head = await streaming.read_head()
        site.process.signal(signal.SIGTERM)
        await idle.expect_end()
        assert (await call(site, "/readyz")).status == 503
        assert (await call(site, "/livez")).status == 200
        assert await streaming.read_exactly(head.promised_bytes("GET")) == media.content
        await streaming.expect_end()
    assert await asyncio.to_thread(site.process.wait) == 0
    assert "Traceback" not in site.log_text()


async def test_an_answer_while_draining_closes_its_connection(start: Start) -> None:
    site = start({})
    media = add(site, "held", noise(12, LARGE_BYTES))
    async with connect(site.host, site.port) as holding, connect(site.host, site.port) as idle:
        await idle.send(compose("GET", "/livez"))
        await idle.read_response()
        await holding.send(compose_row(site, WHOLE, media))
        await holding.read_head()
        site.process.signal(signal.SIGTERM)
        await idle.expect_end()
        late = await call(site, media.target, key=site.key, fields=[("Range", "bytes=0-4")])
        assert (late.status, late.body) == (206, media.content[:5])
        assert late.head["Connection"].lower() == "close"
        holding.reset()
    assert await asyncio.to_thread(site.process.wait) == 0


async def test_the_deadline_cuts_streams_and_never_ends_them_as_if_complete(start: Start) -> None:
    site = start({"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "0.2"})
    media = add(site, "cut", noise(13, LARGE_BYTES))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, WHOLE, media))
        head = await connection.read_head()
        site.process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(site.process.wait) == 0
        with pytest.raises(TruncatedError):
            await connection.read_exactly(head.promised_bytes("GET"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_an_idle_gateway_ends_at_once_and_cleanly(start: Start, number: signal.Signals) -> None:
    site = start({})
    site.process.signal(number)
    assert await asyncio.to_thread(site.process.wait, 5) == 0
    assert "Traceback" not in site.log_text()
