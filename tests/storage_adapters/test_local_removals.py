"""Files are removed with the directories that they leave empty."""

import asyncio
from pathlib import Path

from storage_adapters.local import LocalStorage, connect
from tests.contracts.storage_helpers import Put, read_whole
from tests.storage_adapters.local_operations import write
from tests.storage_adapters.local_storage import LocalFixtures


class TestRemoving(LocalFixtures):
    async def test_empty_directories_go_with_their_last_file(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("a/b/c/file", b"content")
        await put("a/kept", b"content")
        await adapter.delete("a/b/c/file")
        assert tree(root) == {".seekgate-tmp", "a", "a/kept"}
        await adapter.delete("a/kept")
        assert tree(root) == {".seekgate-tmp"}

    async def test_an_absent_file_takes_no_directory_with_it(self, adapter: LocalStorage, root: Path) -> None:
        (root / "a" / "empty").mkdir(parents=True)
        await adapter.delete("a/empty/absent")
        await adapter.delete("a/file/absent")
        assert tree(root) == {".seekgate-tmp", "a", "a/empty"}

    async def test_writing_and_deleting_side_by_side_lose_nothing(self, root: Path) -> None:
        """The directory that a deletion prunes is the one that a writer is about to publish into."""
        storage = await connect(root=root)
        assert isinstance(storage, LocalStorage)
        for number in range(100):
            await write(storage, "a/b/old", b"old")
            await asyncio.gather(storage.delete("a/b/old"), write(storage, "a/b/new", bytes([number])))
            assert await read_whole(storage, "a/b/new") == bytes([number])
            await storage.delete("a/b/new")
        await storage.close()


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}
