"""S3's responses are read alike in whatever pieces they arrive, and an early end is noticed."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.http_heads import MalformedResponse
from storage_adapters.s3.http_responses import HEAD_LIMIT_BYTES, Response

BODY = bytes(range(200))
WHOLE = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 200\r\n\r\n" + BODY
BROKEN = Interrupted("broken", retry_now=True)


class Counted:
    """A source that counts what its response asks of it."""

    def __init__(self) -> None:
        self.resumed = 0
        self.abandoned: list[Response] = []

    def resume(self) -> None:
        self.resumed += 1

    def abandon(self, response: Response) -> None:
        self.abandoned.append(response)


def fed(*pieces: bytes, limit: int = 1000) -> Response:
    response = Response(Counted(), limit)
    for piece in pieces:
        response.feed(piece)
    return response


async def read_all(response: Response) -> bytes:
    found = b""
    while chunk := await response.read():
        found += chunk
    return found


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=8), interim=st.booleans())
async def test_a_message_is_the_same_in_any_pieces(cuts: list[int], *, interim: bool) -> None:
    stream = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * interim + WHOLE
    ends = [*sorted(cuts), len(stream)]
    response = fed(*(stream[start:end] for start, end in zip([0, *ends], ends, strict=False)))
    assert (await response.begun()).status == 206
    assert await read_all(response) == BODY
    assert (response.is_complete, response.missing) == (True, 0)


async def test_a_reader_gets_each_octet_as_it_arrives() -> None:
    response = Response(Counted(), 1000)
    reader = asyncio.create_task(read_all(response))
    for octet in WHOLE:
        response.feed(bytes([octet]))
        await asyncio.sleep(0)
    assert await reader == BODY


def test_bytes_after_the_body_are_not_part_of_it() -> None:
    assert Response(Counted(), 1000).feed(WHOLE + b"HTTP/1.1") == len(b"HTTP/1.1")


async def test_an_interruption_is_raised_after_what_came() -> None:
    response = fed(WHOLE[:-1])
    response.end(BROKEN)
    assert await response.read() == BODY[:-1]
    with pytest.raises(Interrupted, match="broken"):
        await response.read()


async def test_a_reader_that_waits_is_interrupted_too() -> None:
    response = fed()
    reader = asyncio.create_task(response.begun())
    await asyncio.sleep(0)
    response.end(BROKEN)
    with pytest.raises(Interrupted, match="broken"):
        await reader


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    response = fed(b"HTTP/1.1 403 Forbidden\r\n\r\n", b"<Error/>")
    response.end(BROKEN)
    assert await read_all(response) == b"<Error/>"


def test_a_connection_that_ends_after_a_complete_body_is_not_an_error() -> None:
    response = fed(WHOLE)
    response.end(BROKEN)
    assert response.is_complete


async def test_a_slow_reader_pauses_the_fill_and_resumes_it() -> None:
    source = Counted()
    response = Response(source, 100)
    response.feed(WHOLE[:-1])
    assert response.is_full
    await response.read()
    assert (response.is_full, source.resumed) == (False, 1)


def test_a_complete_body_is_never_full() -> None:
    assert not fed(WHOLE, limit=1).is_full


def test_a_head_without_an_end_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        fed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT_BYTES)


def test_a_reader_that_stops_closes_the_source() -> None:
    source = Counted()
    response = Response(source, 100)
    response.abandon()
    assert source.abandoned == [response]
