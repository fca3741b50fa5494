"""The strict client detects each broken response, and reads each valid one exactly."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from tests.conformance.raw_http import Connection, ProtocolFaultError, TruncatedError, compose, connect

GOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Note: a  b \r\n\r\nhello"

# fmt: off
BROKEN_HEADS: Final = {
    "bare-line-feed": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "no-status": b"HTTP/1.1 OK\r\n\r\n",
    "four-digit-status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "other-protocol": b"ICY 200 OK\r\n\r\n",
    "leading-space": b" HTTP/1.1 200 OK\r\n\r\n",
    "folded-field": b"HTTP/1.1 200 OK\r\nX-Note: a\r\n b\r\n\r\n",
    "space-before-the-colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "no-colon": b"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
    "control-character": b"HTTP/1.1 200 OK\r\nX-Note: a\x01b\r\n\r\n",
    "no-length": b"HTTP/1.1 200 OK\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "length-with-a-plus": b"HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "ends-inside-the-head": b"HTTP/1.1 200 OK\r\nContent-",
}
# fmt: on


@asynccontextmanager
async def answering(octets: bytes) -> AsyncGenerator[Connection, None]:
    """A connection to a server that sends exactly this and closes."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        async with connect(host, port) as connection:
            yield connection


async def test_a_valid_response_is_read_exactly() -> None:
    async with answering(GOOD + GOOD) as connection:
        for _ in range(2):
            response = await connection.read_response()
            assert (response.status, response.head["x-note"], response.body) == (200, "a  b", b"hello")
        await connection.expect_end()


@pytest.mark.parametrize("octets", BROKEN_HEADS.values(), ids=BROKEN_HEADS.keys())
async def test_a_broken_head_is_a_fault(octets: bytes) -> None:
    async with answering(octets) as connection:
        with pytest.raises(ProtocolFaultError):
            await connection.read_response()


async def test_a_body_that_ends_early_is_truncated() -> None:
    async with answering(GOOD[:-2]) as connection:
        with pytest.raises(TruncatedError) as caught:
            await connection.read_response()
    assert (caught.value.received, caught.value.promised) == (3, 5)


async def test_an_extra_byte_is_detected_at_the_end_and_at_the_next_head() -> None:
    async with answering(GOOD + b"!") as connection:
        await connection.read_response()
        with pytest.raises(ProtocolFaultError):
            await connection.expect_end()
    async with answering(GOOD + b"!" + GOOD) as connection:
        await connection.read_response()
        with pytest.raises(ProtocolFaultError):
            await connection.read_response()


@pytest.mark.parametrize("head", [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5", b"HTTP/1.1 204 No Content"])
async def test_some_statuses_have_no_body_whatever_their_fields(head: bytes) -> None:
    async with answering(head + b"\r\n\r\n" + GOOD) as connection:
        assert (await connection.read_response()).body == b""
        assert (await connection.read_response()).body == b"hello"


async def test_a_response_to_head_has_no_body() -> None:
    async with answering(GOOD[:-5] + GOOD) as connection:
        assert (await connection.read_response("HEAD")).body == b""
        assert (await connection.read_response()).body == b"hello"


async def test_interim_responses_are_skipped() -> None:
    async with answering(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD) as connection:
        assert (await connection.read_response()).body == b"hello"


def test_a_request_is_sent_as_it_was_given() -> None:
    octets = compose("GET", "/a", [("Range", b"\xff"), ("Range", "bytes=0-")], host="h", body=b"x")
    assert octets == b"GET /a HTTP/1.1\r\nHost: h\r\nRange: \xff\r\nRange: bytes=0-\r\n\r\nx"
