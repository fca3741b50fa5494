"""Hostile chunks cost no more than their bytes: what a join does is bounded, whatever the headers in them claim."""

import struct
from collections.abc import Sequence

import pytest

from gateway.uploads.joining import join_plan, ogg_chains
from gateway.uploads.joining.chunk_headers import OGG, WAV, read_ogg_page, wav_header
from gateway.uploads.joining.join_plan import ChunkPart, plan_join
from gateway.uploads.joining.ogg_chains import ogg_chain
from storage_adapters.memory import MemoryStorage

PAGE_BYTES = 27
FORMAT = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def page(serial: int, flags: int = 2) -> bytes:
    """The smallest page of Ogg: without a segment."""
    return struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, serial, 0, 0, 0)


def serials_of(content: bytes) -> list[int]:
    found = [read_ogg_page(content[at : at + PAGE_BYTES]) for at in range(0, len(content), PAGE_BYTES)]
    return [each.serial for each in found if each is not None]


async def stored(container: str, contents: Sequence[bytes]) -> tuple[MemoryStorage, list[ChunkPart]]:
    storage, parts = MemoryStorage(), []
    for number, content in enumerate(contents):
        async with storage.create(str(number)) as writer:
            await writer.write(content)
        parts.append(ChunkPart(str(number), len(content), container, number, number, (number,)))
    return storage, parts


async def chain(*links: bytes) -> list[bytes]:
    join = await plan_join(*await stored(OGG, links))
    return [piece async for piece in ogg_chain(join.runs)]


async def test_each_stream_of_a_chain_has_a_serial_number_of_its_own() -> None:
    link = b"".join(page(serial) for serial in (1, 0, 7))
    found = serials_of(b"".join(await chain(link, link, link)))
    assert found[:3] == [1, 0, 7]
    assert len(set(found)) == 9


async def test_small_pages_are_not_written_one_by_one() -> None:
    link = page(1) + page(1, 0) * 5000
    pieces = await chain(link, link)
    assert len(b"".join(pieces)) == 2 * len(link)
    assert len(pieces) < 100


async def test_colliding_serial_numbers_cost_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    count, lookups = 300, 0

    class Counting(set[int]):
        def __contains__(self, serial: object) -> bool:
            nonlocal lookups
            lookups += 1
            return super().__contains__(serial)

    monkeypatch.setattr(ogg_chains, "set", Counting, raising=False)
    link = b"".join(map(page, range(count)))
    assert len(set(serials_of(b"".join(await chain(link, link))))) == 2 * count
    assert lookups < 10 * count


async def test_a_chain_of_too_many_streams_continues_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogg_chains, "_MAX_STREAMS", 3)
    link = page(0) + page(1)
    assert serials_of(b"".join(await chain(link, link, link))) == [0, 1, 2, 1, 0, 1]


@pytest.mark.parametrize(("inner", "is_taken_apart"), [(3, True), (4, False)])
async def test_a_chunk_of_too_many_wav_files_is_not_taken_apart(
    monkeypatch: pytest.MonkeyPatch, inner: int, *, is_taken_apart: bool
) -> None:
    monkeypatch.setattr(join_plan, "_MAX_INNER_FILES", 3)
    sound = bytes(range(250)) * 4
    storage, parts = await stored(WAV, [(wav_header(FORMAT, len(sound)) + sound) * (1 + inner)])
    join = await plan_join(storage, parts)
    assert join.whole_object == (None if is_taken_apart else "0")
    if is_taken_apart:
        samples = sound * (1 + inner)
        assert await join.content.read_all(0, join.content.stat.size) == wav_header(FORMAT, len(samples)) + samples
