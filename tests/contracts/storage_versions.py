"""What every adapter must do about versions: one open object is one version, and its stat says which."""

from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from storage_adapters.base import ObjectChanged, StorageAdapter, StorageError
from tests.contracts.storage_helpers import LARGE, Put, read_span, read_whole


class VersionContract:
    """Versions; part of `StorageContract`."""

    async def test_an_open_reader_never_sees_a_mix_of_versions(self, adapter: StorageAdapter, put: Put) -> None:
        old, new = LARGE, LARGE[::-1]
        await put("mixed", old)
        async with adapter.open("mixed") as stored, aclosing(stored.read(0, len(old))) as chunks:
            seen = await anext(chunks)
            await put("mixed", new)
            try:
                async for chunk in chunks:
                    seen += chunk
            except ObjectChanged:
                assert old.startswith(seen)
            else:
                assert seen == old
        assert await read_whole(adapter, "mixed") == new

    async def test_an_open_reader_of_a_deleted_object_sees_it_or_an_error(
        self, adapter: StorageAdapter, put: Put
    ) -> None:
        await put("gone", LARGE)
        async with adapter.open("gone") as stored:
            await adapter.delete("gone")
            with suppress(StorageError):
                assert await read_span(stored, 0, len(LARGE)) == LARGE

    async def test_a_stat_that_the_caller_remembers_may_be_passed_in(self, adapter: StorageAdapter, put: Put) -> None:
        await put("known", b"content")
        async with adapter.open("known") as stored:
            remembered = stored.stat
        assert await read_whole(adapter, "known", remembered) == b"content"

    async def test_a_stale_cache_entry_never_covers_new_bytes(self, adapter: StorageAdapter, put: Put) -> None:
        await put("stale", b"old content")
        async with adapter.open("stale") as stored:
            remembered = stored.stat
        await put("stale", b"new content")
        async with adapter.open("stale", remembered) as stored:
            if stored.stat == remembered:
                with pytest.raises(ObjectChanged):
                    await read_span(stored, 0, remembered.size)
            else:
                assert await read_span(stored, 0, stored.stat.size) == b"new content"

    async def test_its_stat_is_sane(self, adapter: StorageAdapter, put: Put) -> None:
        await put("stat", b"content")
        async with adapter.open("stat") as stored:
            stat = stored.stat
        assert stat.size == 7
        assert stat.etag
        assert '"' not in stat.etag
        assert stat.last_modified.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - stat.last_modified) < timedelta(minutes=5)

    async def test_the_same_version_has_the_same_stat(self, adapter: StorageAdapter, put: Put) -> None:
        await put("stable", b"content")
        async with adapter.open("stable") as first, adapter.open("stable") as second:
            assert first.stat == second.stat

    async def test_other_bytes_have_another_etag(self, adapter: StorageAdapter, put: Put) -> None:
        etags = set()
        for content in (b"one", b"two", b"three"):
            await put("etag", content)
            async with adapter.open("etag") as stored:
                etags.add(stored.stat.etag)
        assert len(etags) == 3
