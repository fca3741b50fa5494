"""The synthetic corpus against its own written definition, and against the parts of the storage contract that
need no writing."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters import connect
from storage_adapters.base import InvalidKey, Listable, ObjectNotFound, Presigning, StorageAdapter, Writable, ZeroCopy
from storage_adapters.synthetic import MAX_SIZE, PERIOD, SyntheticObject, object_key
from tests.contracts.storage import claims, one_storage_for_all_examples
from tests.contracts.storage_helpers import exists, read_span, read_whole
from tests.contracts.storage_keys import KeyContract

sizes = st.integers(0, MAX_SIZE)
seeds = st.integers(0, PERIOD - 1)


def defined_table() -> list[int]:
    """The table as the docstring of `storage_adapters/synthetic.py` defines it, in arithmetic that every language has."""
    x, table = 1, []
    for _ in range(262_139):
        x = 48_271 * x % 2_147_483_647
        table.append(x // 256 % 256)
    return table


TABLE = defined_table()


def defined_bytes(seed: int, offset: int, length: int) -> bytes:
    return bytes(TABLE[(position + 7919 * seed) % 262_139] for position in range(offset, offset + length))


@pytest.fixture
async def adapter() -> AsyncIterator[StorageAdapter]:
    storage = await connect("synthetic", {})
    yield storage
    await storage.close()


class TestSyntheticStorage:
    test_a_missing_object_is_not_found_under_its_key = KeyContract.test_a_missing_object_is_not_found_under_its_key
    test_a_usable_backend_answers_a_ping = KeyContract.test_a_usable_backend_answers_a_ping

    async def test_it_claims_only_zero_copy(self, adapter: StorageAdapter) -> None:
        assert claims(adapter, (Writable, Listable, Presigning)) == set()
        async with adapter.open("synthetic/1/1") as stored:
            assert claims(stored, (ZeroCopy,)) == {ZeroCopy}

    async def test_the_first_bytes_are_the_published_ones(self, adapter: StorageAdapter) -> None:
        """minstd_rand's outputs begin 48271, 182605794, 1291394886, 1914720637."""
        outputs = (48_271, 182_605_794, 1_291_394_886, 1_914_720_637)
        assert await read_whole(adapter, "synthetic/0/4") == bytes(output // 256 % 256 for output in outputs)

    @one_storage_for_all_examples
    @given(seed=seeds, size=sizes, data=st.data())
    async def test_any_span_is_what_the_definition_says(
        self, adapter: StorageAdapter, seed: int, size: int, data: st.DataObject
    ) -> None:
        offset = data.draw(st.integers(0, size))
        length = data.draw(st.integers(0, min(3000, size - offset)))
        async with adapter.open(object_key(seed, size)) as stored:
            assert await read_span(stored, offset, length) == defined_bytes(seed, offset, length)

    async def test_a_long_span_is_what_the_definition_says(self, adapter: StorageAdapter) -> None:
        async with adapter.open(f"synthetic/5/{MAX_SIZE}") as stored:
            assert await read_span(stored, 2**32 - 7, 600_000) == defined_bytes(5, 2**32 - 7, 600_000)

    @one_storage_for_all_examples
    @given(seed=seeds, offset=st.integers(0, MAX_SIZE - 1), length=st.integers(1, 2**40))
    async def test_the_kernel_is_pointed_at_the_same_bytes(
        self, adapter: StorageAdapter, seed: int, offset: int, length: int
    ) -> None:
        async with adapter.open(object_key(seed, MAX_SIZE)) as stored:
            assert isinstance(stored, SyntheticObject)
            piece = stored.file_piece(offset, length)
            assert piece is not None
            assert min(length, MAX_SIZE - offset, 16 * PERIOD) <= piece.length <= min(length, MAX_SIZE - offset)
            checked = min(piece.length, 1000)
            expected = defined_bytes(seed, offset, checked)
            assert os.pread(piece.fd, checked, piece.offset) == expected
            tail = min(piece.length, 10)
            last = offset + piece.length - tail
            assert os.pread(piece.fd, tail, piece.offset + piece.length - tail) == defined_bytes(seed, last, tail)

    async def test_bytes_a_power_of_two_apart_differ(self, adapter: StorageAdapter) -> None:
        async with adapter.open(f"synthetic/0/{MAX_SIZE}") as stored:
            first = await read_span(stored, 0, 16)
            assert [power for power in range(12, 53) if await read_span(stored, 2**power, 16) == first] == []

    async def test_the_period_divides_no_power_of_two_because_it_is_prime(self) -> None:
        assert all(PERIOD % divisor for divisor in range(2, 513))

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(-1, 1, id="negative_offset"),
            pytest.param(0, -1, id="negative_length"),
            pytest.param(0, 11, id="one_too_long"),
            pytest.param(11, 0, id="starts_after_the_end"),
        ],
    )
    async def test_a_span_outside_the_object_is_a_value_error(
        self, adapter: StorageAdapter, offset: int, length: int
    ) -> None:
        async with adapter.open("synthetic/1/10") as stored:
            with pytest.raises(ValueError):
                await read_span(stored, offset, length)

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param("", id="empty"),
            pytest.param("synthetic/1", id="no_size"),
            pytest.param("synthetic/01/1", id="leading_zero"),
            pytest.param("synthetic/1/-1", id="negative"),
            pytest.param("synthetic/1/1\n", id="newline"),
            pytest.param("synthetic/١/1", id="other_digits"),
            pytest.param(f"synthetic/{PERIOD}/1", id="seed_too_large"),
            pytest.param(f"synthetic/1/{MAX_SIZE + 1}", id="size_too_large"),
            pytest.param("synthetic/1/" + "9" * 5000, id="size_of_5000_digits"),
        ],
    )
    async def test_a_key_outside_the_corpus_is_invalid(self, adapter: StorageAdapter, key: str) -> None:
        with pytest.raises(InvalidKey):
            async with adapter.open(key):
                pass

    @pytest.mark.parametrize(("seed", "size"), [(-1, 0), (PERIOD, 0), (0, -1), (0, MAX_SIZE + 1)])
    def test_no_key_is_created_outside_the_corpus(self, seed: int, size: int) -> None:
        with pytest.raises(ValueError):
            object_key(seed, size)

    async def test_a_version_is_the_same_in_every_process(self, adapter: StorageAdapter) -> None:
        other = await connect("synthetic", {})
        async with adapter.open("synthetic/3/9") as first, other.open("synthetic/3/9") as second:
            assert first.stat == second.stat
            assert first.stat.size == 9
        await other.close()

    async def test_other_bytes_have_another_etag(self, adapter: StorageAdapter) -> None:
        etags = set()
        for key in ("synthetic/1/23", "synthetic/12/3", "synthetic/1/2", "synthetic/2/1"):
            async with adapter.open(key) as stored:
                etags.add(stored.stat.etag)
        assert len(etags) == 4

    async def test_a_deleted_object_is_forgotten_and_no_other(self, adapter: StorageAdapter) -> None:
        await adapter.delete("synthetic/1/10")
        await adapter.delete("synthetic/1/10")
        assert not await exists(adapter, "synthetic/1/10")
        assert await exists(adapter, "synthetic/1/11")
        with pytest.raises(ObjectNotFound):
            async with adapter.open("synthetic/1/10"):
                pass

    async def test_many_read_one_open_object_side_by_side(self, adapter: StorageAdapter) -> None:
        async with adapter.open("synthetic/9/2000000") as stored:
            found = await asyncio.gather(*(read_span(stored, start, 100_000) for start in range(0, 2_000_000, 100_000)))
            assert b"".join(found) == await read_span(stored, 0, 2_000_000)

    async def test_a_reader_that_stops_early_holds_nothing(self, adapter: StorageAdapter) -> None:
        async with adapter.open(f"synthetic/1/{MAX_SIZE}") as stored, aclosing(stored.read(0, MAX_SIZE)) as chunks:
            assert await anext(chunks) == await read_span(stored, 0, 256 * 1024)
