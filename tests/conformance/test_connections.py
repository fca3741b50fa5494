"""Several messages on one connection: keep-alive, pipelining, HTTP/1.0, Expect, unexpected bodies (RFC 9112)."""

from collections.abc import Sequence
from typing import Final

import pytest

from tests.conformance.ask import Ask, compose_row
from tests.conformance.media import Media
from tests.conformance.raw_http import Connection, compose, connect
from tests.conformance.table import Row, check, ranged
from tests.gateway_process import Gateway

# fmt: off
ONE_OF_EACH: Final = (
    Row("200", (), 200),
    ranged("206", "bytes=100-199", 206, "100-199"),
    ranged("206-multipart", "bytes=0-4,50000-50004", 206, "0-4,50000-50004"),
    ranged("206-everything", "bytes=0-", 206, "0-99999"),
    Row("304", (("If-None-Match", "$etag"),), 304),
    Row("412", (("If-Match", '"other"'),), 412),
    ranged("416", "bytes=100000-", 416, "*"),
    Row("head", (), 200, method="HEAD"),
    Row("head-304", (("If-None-Match", "$etag"),), 304, method="HEAD"),
    Row("head-412", (("If-Match", '"other"'),), 412, method="HEAD"),
)
# fmt: on
LAST: Final = ranged("last", "bytes=-7", 206, "99993-99999")


async def read_all(connection: Connection, rows: Sequence[Row], media: Media) -> None:
    for row in rows:
        check(row, await connection.read_response(row.method), media)


async def test_a_connection_serves_every_kind_of_response_in_turn(site: Gateway, media: Media) -> None:
    async with connect(site.host, site.port) as connection:
        for row in [*ONE_OF_EACH, *reversed(ONE_OF_EACH)]:
            await connection.send(compose_row(site, row, media))
            await read_all(connection, [row], media)


async def test_a_refusal_keeps_the_connection_open(site: Gateway, media: Media) -> None:
    async with connect(site.host, site.port) as connection:
        for target, fields, status in (
            (media.target, [], 401),
            (media.target, [("X-API-Key", "unknown")], 401),
            (media.target, [("X-API-Key", site.write_only_key)], 403),
            (media.target, [("X-API-Key", site.other_key)], 404),
            ("/no/such/page", [("X-API-Key", site.key)], 404),
            (media.target.removesuffix("/raw"), [("X-API-Key", site.key)], 404),
            ("/recordings?limit=0", [("X-API-Key", site.key)], 422),
        ):
            await connection.send(compose("GET", target, fields, host=site.authority))
            assert (await connection.read_response()).status == status
        await connection.send(compose_row(site, LAST, media))
        await read_all(connection, [LAST], media)


async def test_pipelined_requests_are_answered_in_order(site: Gateway, media: Media) -> None:
    rows = [*ONE_OF_EACH, *reversed(ONE_OF_EACH), LAST]
    async with connect(site.host, site.port) as connection:
        await connection.send(b"".join(compose_row(site, row, media) for row in rows))
        await read_all(connection, rows, media)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.id)
async def test_a_pipelined_request_waits_for_each_kind_of_response(site: Gateway, media: Media, row: Row) -> None:
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, media) + compose_row(site, LAST, media))
        await read_all(connection, [row, LAST], media)


async def test_pipelined_responses_are_complete_for_a_slow_reader(site: Gateway, large: Media) -> None:
    # The kernel's buffers cannot hold two of these: the second request is received while the first response is being sent.
    rows = [Row("whole", (), 200), ranged("half", "bytes=1000-", 206, f"1000-{len(large.content) - 1}")] * 2
    async with connect(site.host, site.port) as connection:
        await connection.send(b"".join(compose_row(site, row, large) for row in rows))
        await read_all(connection, rows, large)


async def test_half_a_request_is_answered_after_its_other_half(site: Gateway, media: Media) -> None:
    octets = compose_row(site, LAST, media)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, ONE_OF_EACH[1], media) + octets[:40])
        await read_all(connection, [ONE_OF_EACH[1]], media)
        await connection.send(octets[40:])
        await read_all(connection, [LAST], media)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.id)
async def test_a_request_may_arrive_byte_by_byte(site: Gateway, media: Media, row: Row) -> None:
    async with connect(site.host, site.port) as connection:
        await connection.send_bytewise(compose_row(site, row, media))
        await read_all(connection, [row], media)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.id)
async def test_connection_close_is_obeyed_and_confirmed(ask: Ask, media: Media, row: Row) -> None:
    closing = Row(row.id, (*row.sent, ("Connection", "close")), row.status, row.ranges, row.method)
    response = await ask(closing, media)
    assert response.head["Connection"].lower() == "close"


def old(site: Gateway, row: Row, media: Media) -> bytes:
    """The row as an HTTP/1.0 request."""
    return compose_row(site, row, media).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.id)
async def test_http_1_0_closes_after_each_kind_of_response(site: Gateway, media: Media, row: Row) -> None:
    async with connect(site.host, site.port) as connection:
        await connection.send(old(site, row, media))
        await read_all(connection, [row], media)
        await connection.expect_end()


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row.id)
async def test_http_1_0_can_keep_the_connection(site: Gateway, media: Media, row: Row) -> None:
    keeping = Row(row.id, (*row.sent, ("Connection", "keep-alive")), row.status, row.ranges, row.method)
    async with connect(site.host, site.port) as connection:
        await connection.send(old(site, keeping, media))
        response = await connection.read_response(row.method)
        check(keeping, response, media)
        # RFC 9112 appendix C.2.2: the client may continue only if the response says so.
        assert response.head["Connection"].lower() == "keep-alive"
        await connection.send(old(site, LAST, media))
        await read_all(connection, [LAST], media)
        await connection.expect_end()


async def test_expect_100_continue_is_answered(ask: Ask, media: Media) -> None:
    await ask(Row("expecting", (("Expect", "100-continue"), ("Range", "bytes=5-9")), 206, "5-9"), media)


@pytest.mark.parametrize("body", [b"x", b"hello", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", bytes(70_000)], ids=len)
async def test_the_body_of_a_get_is_not_parsed_as_a_request(site: Gateway, media: Media, body: bytes) -> None:
    row = Row("with-a-body", (("Content-Length", str(len(body))), ("Range", "bytes=5-9")), 206, "5-9")
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, media) + body)
        response = await connection.read_response()
        check(row, response, media)
        if response.head.get("Connection") == "close":
            await connection.expect_end()
        else:
            await connection.send(compose_row(site, LAST, media))
            await read_all(connection, [LAST], media)


@pytest.mark.parametrize("received", [0, 1, 1000], ids=lambda count: f"after-{count}-bytes")
async def test_a_client_that_disconnects_does_not_disturb_others(site: Gateway, large: Media, received: int) -> None:
    async with connect(site.host, site.port) as leaving:
        await leaving.send(compose_row(site, Row("whole", (), 200), large))
        if received:
            await leaving.read_head()
            await leaving.read_exactly(received - 1)
        leaving.reset()
    async with connect(site.host, site.port) as next_one:
        await next_one.send(compose_row(site, ranged("next", "bytes=0-4", 206, "0-4"), large))
        check(ranged("next", "bytes=0-4", 206, "0-4"), await next_one.read_response(), large)
