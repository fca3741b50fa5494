"""Writes the planned body of one response: literal bytes and spans of the object.

The kernel sends spans whose bytes are in files; others are copied.
"""

from contextlib import aclosing
from typing import Final

from gateway.protocol.delivery import Segment
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.paced import PacedBody
from gateway.web.bytes.wire import Wire
from storage_adapters.base import StorageError, StoredObject, ZeroCopy

_PIECE_BYTES: Final = 4 * 1024 * 1024


class BodyWriter:
    """Writes one response with bytes of the `stored` object to the wire; `paced` says when they may be sent."""

    def __init__(self, wire: Wire, stored: StoredObject, paced: PacedBody | None) -> None:
        self._wire = wire
        self._stored = stored
        self._paced = paced
        self._pending = b""

    async def write(self, head: bytes, body: tuple[Segment, ...]) -> None:
        """Write the head and the body. Nothing is written before the first bytes of the object were read."""
        self._pending = head
        for segment in body:
            if isinstance(segment, bytes):
                self._pending += segment
            else:
                await self._write_span(segment)
        if self._pending:
            await self._wire.write(self._pending)

    def _take_pending(self) -> bytes:
        """The bytes that go before the next bytes of the object."""
        pending, self._pending = self._pending, b""
        return pending

    async def _write_span(self, span: ByteSpan) -> None:
        offset, length = span
        if isinstance(self._stored, ZeroCopy):
            while length:
                wanted = min(length, _PIECE_BYTES)
                if self._paced is not None:
                    wanted = await self._paced.grant(offset, wanted)
                # Each piece is requested anew, so that a change of the file meanwhile is detected.
                piece = self._stored.file_piece(offset, wanted)
                if piece is None:
                    break
                if self._paced is not None:
                    self._paced.count(offset, piece.length)
                await self._wire.send_file(self._take_pending(), piece)
                offset += piece.length
                length -= piece.length
        if length:
            await self._copy(offset, length)

    async def _copy(self, offset: int, length: int) -> None:
        async with aclosing(self._stored.read(offset, length)) as chunks:
            async for chunk in chunks:
                length -= len(chunk)
                if length < 0:
                    break
                if self._paced is None:
                    await self._write_chunk(chunk)
                else:
                    await self._write_paced(self._paced, offset, chunk)
                    offset += len(chunk)
        # aiohttp does not compare a body with its Content-Length. After a wrong one, the client would misread the next
        # response on the connection.
        if length:
            wrong = "too few" if length > 0 else "too many"
            raise StorageError("", f"the storage backend sent {abs(length)} bytes {wrong}")

    async def _write_paced(self, paced: PacedBody, offset: int, chunk: bytes) -> None:
        while chunk:
            granted = await paced.grant(offset, len(chunk))
            paced.count(offset, granted)
            await self._write_chunk(chunk[:granted])
            offset, chunk = offset + granted, chunk[granted:]

    async def _write_chunk(self, chunk: bytes) -> None:
        await self._wire.write(self._take_pending() + chunk if self._pending else chunk)
