"""A paced body takes tokens only for the bytes that it sends, wherever these are stored."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

import pytest

from gateway.protocol.pacing import SendingPace
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.body_writer import BodyWriter
from gateway.web.bytes.paced import PacedBody
from storage_adapters.base import FilePiece, ObjectStat, ZeroCopy

BURST: Final = 1000
# As much again takes 250 seconds.
PACE: Final = SendingPace(BURST, 4, 0, 10**9)


class Cached(ZeroCopy):
    """An object whose cached part consists of segments of 100 bytes, up to `cached_until`."""

    stat = ObjectStat(10**6, "etag", datetime(2026, 1, 1, tzinfo=UTC))

    def __init__(self, cached_until: int) -> None:
        self._cached_until = cached_until

    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        return FilePiece(-1, offset, min(length, 100)) if offset < self._cached_until else None

    async def read(self, _offset: int, length: int) -> AsyncGenerator[bytes]:
        yield bytes(length)


class Counting:
    """A wire that counts what it is given."""

    sent = 0

    async def write(self, data: bytes) -> None:
        self.sent += len(data)

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        self.sent += len(before) + piece.length

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("cached_until", [0, 500, BURST], ids=["not cached", "cached in part", "cached in segments"])
async def test_a_whole_burst_is_sent_without_a_pause(cached_until: int) -> None:
    wire = Counting()
    writer = BodyWriter(wire, Cached(cached_until), PacedBody(PACE, lambda: False))
    async with asyncio.timeout(60):
        await writer.write(b"head", (ByteSpan(0, BURST),))
    assert wire.sent == len(b"head") + BURST


async def test_nothing_more_than_the_burst_is_sent_without_a_pause() -> None:
    wire = Counting()
    writer = BodyWriter(wire, Cached(0), PacedBody(PACE, lambda: False))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await writer.write(b"", (ByteSpan(0, 2 * BURST),))
    assert BURST <= wire.sent < 2 * BURST
