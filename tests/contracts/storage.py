"""What every storage adapter must do: one suite, inherited by each adapter's tests.

A subclass is named `Test…` and has two fixtures and two facts:

    adapter                a fresh, empty StorageAdapter, closed at the end; small pools show leaks sooner
    put(key, content)      a way in that is not the adapter's own, where there is one
    capabilities           which of Writable, Composing, Resumable, Listable, Presigning the adapter claims
    object_capabilities    which of ZeroCopy its open objects claim

An adapter that is Writable inherits `storage_writes.WritableContract` too, one that is Listable
`storage_lists.ListableContract`; that it claims neither more nor less is tested here.
"""

import asyncio
import random
from contextlib import aclosing
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_adapters.base import Listable, Presigning, StorageAdapter, Writable, ZeroCopy
from storage_adapters.resumable import Composing, Resumable
from tests.contracts.storage_helpers import LARGE, Put, exists, read_span, read_whole
from tests.contracts.storage_keys import KeyContract
from tests.contracts.storage_versions import VersionContract

one_storage_for_all_examples = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
    ],
)


def claims(subject: object, kinds: tuple[type, ...]) -> set[type]:
    """Which of these capabilities the subject has."""
    return {kind for kind in kinds if isinstance(subject, kind)}


class StorageContract(KeyContract, VersionContract):
    """Everything every adapter does; see the module for what a subclass brings."""

    capabilities: ClassVar[frozenset[type]]
    object_capabilities: ClassVar[frozenset[type]]

    async def test_it_claims_exactly_its_capabilities(self, adapter: StorageAdapter, put: Put) -> None:
        await put("key", b"content")
        assert claims(adapter, (Writable, Composing, Resumable, Listable, Presigning)) == self.capabilities
        async with adapter.open("key") as stored:
            assert claims(stored, (ZeroCopy,)) == self.object_capabilities

    async def test_a_whole_object_is_its_bytes(self, adapter: StorageAdapter, put: Put) -> None:
        await put("a/large", LARGE)
        assert await read_whole(adapter, "a/large") == LARGE

    async def test_an_empty_object_is_empty(self, adapter: StorageAdapter, put: Put) -> None:
        await put("empty", b"")
        async with adapter.open("empty") as stored:
            assert stored.stat.size == 0
            assert await read_span(stored, 0, 0) == b""

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(0, 1, id="first_byte"),
            pytest.param(len(LARGE) - 1, 1, id="last_byte"),
            pytest.param(0, 0, id="nothing_at_the_start"),
            pytest.param(len(LARGE), 0, id="nothing_at_the_end"),
            pytest.param(4095, 2, id="across_a_page"),
            pytest.param(262_143, 2, id="across_a_chunk"),
            pytest.param(1, len(LARGE) - 2, id="all_but_the_ends"),
        ],
    )
    async def test_a_span_is_exactly_its_bytes(
        self, adapter: StorageAdapter, put: Put, offset: int, length: int
    ) -> None:
        await put("large", LARGE)
        async with adapter.open("large") as stored:
            assert await read_span(stored, offset, length) == LARGE[offset : offset + length]

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(-1, 1, id="negative_offset"),
            pytest.param(0, -1, id="negative_length"),
            pytest.param(0, 11, id="one_too_long"),
            pytest.param(10, 1, id="starts_at_the_end"),
            pytest.param(11, 0, id="starts_after_the_end"),
        ],
    )
    async def test_a_span_outside_the_object_is_a_value_error(
        self, adapter: StorageAdapter, put: Put, offset: int, length: int
    ) -> None:
        await put("ten", b"0123456789")
        async with adapter.open("ten") as stored:
            with pytest.raises(ValueError):
                await read_span(stored, offset, length)

    @one_storage_for_all_examples
    @given(ends=st.tuples(st.integers(0, 70_000), st.integers(0, 70_000)))
    async def test_any_span_equals_slicing(self, adapter: StorageAdapter, put: Put, ends: tuple[int, int]) -> None:
        content, (start, stop) = LARGE[:70_000], sorted(ends)
        if not await exists(adapter, "sliced"):
            await put("sliced", content)
        async with adapter.open("sliced") as stored:
            assert await read_span(stored, start, stop - start) == content[start:stop]

    async def test_random_operations_agree_with_a_dictionary(self, adapter: StorageAdapter, put: Put) -> None:
        """Two hundred seeded steps of putting, deleting and reading, against the obvious model."""
        chance, model = random.Random(20), dict[str, bytes]()
        for _ in range(200):
            key = f"load/{chance.randrange(8)}"
            match chance.randrange(4):
                case 0:
                    model[key] = chance.randbytes(chance.choice((0, 1, 4096, 300_000)))
                    await put(key, model[key])
                case 1:
                    await adapter.delete(key)
                    model.pop(key, None)
                case _:
                    await self._compare(adapter, key, model.get(key), chance)

    @staticmethod
    async def _compare(adapter: StorageAdapter, key: str, content: bytes | None, chance: random.Random) -> None:
        if content is None:
            assert not await exists(adapter, key)
            return
        start, stop = sorted((chance.randint(0, len(content)), chance.randint(0, len(content))))
        async with adapter.open(key) as stored:
            assert stored.stat.size == len(content)
            assert await read_span(stored, start, stop - start) == content[start:stop]

    async def test_many_read_one_open_object_side_by_side(self, adapter: StorageAdapter, put: Put) -> None:
        await put("shared", LARGE)
        async with adapter.open("shared") as stored:
            found = await asyncio.gather(*(read_span(stored, start, 100_000) for start in range(0, 2_000_000, 100_000)))
        assert b"".join(found) == LARGE[:2_000_000]

    async def test_many_open_and_read_side_by_side(self, adapter: StorageAdapter, put: Put) -> None:
        for number in range(5):
            await put(f"many/{number}", bytes([number]) * 50_000)
        found = await asyncio.gather(*(read_whole(adapter, f"many/{index % 5}") for index in range(50)))
        assert found == [bytes([index % 5]) * 50_000 for index in range(50)]

    async def test_readers_that_stop_early_hold_nothing(self, adapter: StorageAdapter, put: Put) -> None:
        await put("left", LARGE)
        for _ in range(64):
            async with adapter.open("left") as stored, aclosing(stored.read(0, len(LARGE))) as chunks:
                assert LARGE.startswith(await anext(chunks))
        assert await read_whole(adapter, "left") == LARGE

    async def test_cancelled_readers_hold_nothing(self, adapter: StorageAdapter, put: Put) -> None:
        await put("cancelled", LARGE)
        for passes in range(64):
            reader = asyncio.create_task(read_whole(adapter, "cancelled"))
            for _ in range(passes % 8):
                await asyncio.sleep(0)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        assert await read_whole(adapter, "cancelled") == LARGE
