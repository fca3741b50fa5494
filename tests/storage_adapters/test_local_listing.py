"""Only objects are listed, however the tree looks."""

import os
from pathlib import Path

from storage_adapters.local import LocalStorage
from tests.contracts.storage_helpers import Put
from tests.storage_adapters.local_storage import LocalFixtures, count_open


class TestListing(LocalFixtures):
    async def test_only_files_that_are_objects_are_listed(
        self, adapter: LocalStorage, root: Path, put: Put, tmp_path: Path
    ) -> None:
        await put("a/file", b"content")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret").write_bytes(b"secret")
        (root / "outside").symlink_to(tmp_path / "outside")
        (root / "file").symlink_to("a/file")
        (root / "loop").symlink_to(".")
        (root / "empty").mkdir()
        (root / ".seekgate-tmp" / "draft").write_bytes(b"half")
        (root / os.fsdecode(b"not utf-8 \xff")).write_bytes(b"content")
        os.mkfifo(root / "fifo")
        assert [listed.key async for listed in adapter.list("")] == ["a/file"]
        assert [listed.key async for listed in adapter.list("outside/")] == []
        assert [listed.key async for listed in adapter.list(".seekgate-tmp/")] == []

    async def test_a_deep_tree_is_listed(self, adapter: LocalStorage, put: Put) -> None:
        key = "d/" * 300 + "file"
        await put(key, b"content")
        assert [listed.key async for listed in adapter.list("d/")] == [key]

    async def test_a_tree_that_changes_while_it_is_listed_is_listed_as_far_as_it_exists(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        for number in range(300):
            await put(f"a/{number:03}", b"")
        await put("b/file", b"")
        keys = []
        async for listed in adapter.list(""):
            keys.append(listed.key)
            if len(keys) == 1:
                await adapter.delete("b/file")
        assert keys == [f"a/{number:03}" for number in range(300)]
        assert count_open(root) == 0
