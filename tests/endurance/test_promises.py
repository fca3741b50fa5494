"""The promised bytes are sent, or the connection is cut: slow readers, stalled readers, files that shrink."""

import asyncio
import os
import socket
from typing import Final

import pytest

from tests.conformance.ask import asker, compose_row
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.conformance.objects import AddMedia, add, noise
from tests.conformance.raw_http import Connection, TruncatedError, connect
from tests.conformance.table import Row, ranged
from tests.endurance.conftest import Start
from tests.endurance.footprint import settle
from tests.gateway_process import Gateway

WHOLE: Final = Row("whole", (), 200)
PART: Final = ranged("part", "bytes=100-", 206)
SEVERAL: Final = ranged("several", "bytes=100-,0-9", 206)


async def test_a_slow_reader_gets_every_byte(site: Gateway, add_media: AddMedia) -> None:
    media = add_media("for-the-patient", noise(6, 3 * 1024 * 1024))
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect((site.host, site.port))
        reader, writer = await asyncio.open_connection(sock=narrow, limit=2048)
        connection = Connection(reader, writer)
        await connection.send(compose_row(site, WHOLE, media))
        head = await connection.read_head()
        received = bytearray()
        while len(received) < head.promised_bytes("GET"):
            received += await connection.read_exactly(min(1021, head.promised_bytes("GET") - len(received)))
        writer.close()
        await writer.wait_closed()
    assert received == media.content


@pytest.mark.parametrize("row", [WHOLE, PART, SEVERAL], ids=lambda row: row.id)
async def test_a_file_that_shrinks_while_it_is_read_cuts_the_connection(
    site: Gateway, add_media: AddMedia, row: Row
) -> None:
    media = add_media(f"shrinking-{row.id}", noise(7, 32 * 1024 * 1024))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, media))
        head = await connection.read_head()
        os.truncate(site.path_of(f"shrinking-{row.id}"), 1024 * 1024)
        with pytest.raises(TruncatedError) as caught:
            await connection.read_exactly(head.promised_bytes("GET"))
    assert caught.value.received < len(media.content)


async def test_the_bytes_that_a_shrinking_file_still_has_are_exact(site: Gateway, add_media: AddMedia) -> None:
    # Beyond the new end the kernel may clear pages that are already queued in the socket, as zero-copy has no copy of them.
    media = add_media("shrinking-true", noise(8, 32 * 1024 * 1024))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, WHOLE, media))
        await connection.read_head()
        os.truncate(site.path_of("shrinking-true"), 1024 * 1024)
        received = bytearray()
        while chunk := await connection.read_some(256 * 1024):
            received += chunk
    assert len(received) < len(media.content)
    assert received[: 1024 * 1024] == media.content[: 1024 * 1024]


async def test_after_a_cut_the_next_client_is_served(site: Gateway, add_media: AddMedia, large: Media) -> None:
    media = add_media("shrinking-next", noise(9, 32 * 1024 * 1024))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, WHOLE, media))
        await connection.read_head()
        os.truncate(site.path_of("shrinking-next"), 1000)
        while await connection.read_some(256 * 1024):
            pass
    # The object is now another one, of 1000 bytes, and is described as such.
    response = await call(site, media.target, key=site.key)
    assert (response.status, response.body) == (200, media.content[:1000])
    assert response.head["ETag"] != media.etag
    await asker(site)(ranged("other", "bytes=0-4", 206, "0-4"), large)
    assert "Traceback" not in site.log_text()


async def test_a_client_that_stalls_is_disconnected(start: Start) -> None:
    impatient = start({"SEEKGATE_DELIVERY__STALL_TIMEOUT_SECONDS": "0.5"})
    media = add(impatient, "stalled", noise(10, 32 * 1024 * 1024))
    async with connect(impatient.host, impatient.port) as connection:
        await connection.send(compose_row(impatient, WHOLE, media))
        head = await connection.read_head()
        await settle(impatient)
        with pytest.raises(TruncatedError):
            await connection.read_exactly(head.promised_bytes("GET"))
    await asker(impatient)(ranged("next", "bytes=0-4", 206, "0-4"), media)
