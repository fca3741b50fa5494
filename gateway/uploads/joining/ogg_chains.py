"""Concatenates Ogg files to a chain (RFC 3533 section 4), in which no two links use the same serial number."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from gateway.uploads.joining.chunk_headers import read_ogg_page, with_serial
from gateway.uploads.joining.pieces import PiecedObject

# Logical streams of a chain; a recording of a day in chunks of a second has fewer.
_MAX_STREAMS: Final = 100_000


async def ogg_chain(runs: Sequence[PiecedObject]) -> AsyncGenerator[bytes, None]:
    """Yield the chain of these files. A logical stream whose serial number an earlier link uses gets another one."""
    numbers = _Serials()
    for run in runs:
        link = _Link(numbers)
        async with aclosing(run.read(0, run.stat.size)) as chunks:
            async for chunk in chunks:
                # In a thread, because a chunk of tiny pages takes longer than other requests should wait.
                if moved := await asyncio.to_thread(link.move, chunk):
                    yield moved
        if link.rest:
            yield link.rest


class _Serials:
    """The serial numbers that the links of a chain use."""

    def __init__(self) -> None:
        self._used = set[int]()
        self._lowest = 0

    def take(self, serial: int) -> int:
        """This number, or an unused one instead. Raises ValueError if the chain has too many streams."""
        if len(self._used) >= _MAX_STREAMS:
            raise ValueError(f"more than {_MAX_STREAMS} logical streams")
        while serial in self._used:
            # No number is tried twice, so that colliding numbers do not cost quadratic time.
            serial, self._lowest = self._lowest, self._lowest + 1
        self._used.add(serial)
        return serial


class _Link:
    """One link of a chain; its pages get serial numbers that no earlier link uses."""

    def __init__(self, numbers: _Serials) -> None:
        self._numbers = numbers
        self._serials: dict[int, int] = {}
        self._is_ogg = True
        self.rest = b""
        """The beginning of a page that is incomplete so far."""

    def move(self, chunk: bytes) -> bytes:
        """The pages that this chunk completes. From the first bytes that are not a page on, everything is unchanged."""
        content, at, moved = memoryview(self.rest + chunk), 0, bytearray()
        try:
            while self._is_ogg and (page := read_ogg_page(content[at:])) is not None:
                moved += self._moved(content[at : at + page.size], page.serial)
                at += page.size
        except ValueError:
            self._is_ogg = False
        if not self._is_ogg:
            moved += content[at:]
            at = len(content)
        self.rest = bytes(content[at:])
        return bytes(moved)

    def _moved(self, page: memoryview, serial: int) -> bytes | memoryview:
        if serial not in self._serials:
            self._serials[serial] = self._numbers.take(serial)
        moved = self._serials[serial]
        return page if moved == serial else with_serial(bytes(page), moved)
