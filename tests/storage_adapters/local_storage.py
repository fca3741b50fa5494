"""The real thing to test with: a local storage in a folder of the test's own.

Knows: how one is made, and how to count what it holds open. Refuses to know: what is tested.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage_adapters import connect
from storage_adapters.local import LocalStorage
from tests.contracts.storage_words import Put

KEPT_OPEN = 3


def count_open(root: Path) -> int:
    """How many of our descriptors lie beneath the root (Linux)."""
    return sum(is_open_beneath(Path(entry), root) for entry in Path("/proc/self/fd").iterdir())


def is_open_beneath(entry: Path, root: Path) -> bool:
    try:
        return entry.readlink().is_relative_to(root)
    except FileNotFoundError:  # the descriptor of the look itself
        return False


async def settle() -> None:
    """Return when all that was handed to the one thread before, or is in this turn, is done, and its callbacks have run."""
    await asyncio.sleep(0)
    await asyncio.to_thread(os.getpid)
    await asyncio.sleep(0)


class LocalFixtures:
    """A storage that keeps few files open, and a way in that is plain files."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "the root"

    @pytest.fixture
    async def one_thread(self) -> None:
        """Work in threads happens in order, so that `settle` can wait for it."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))

    @pytest.fixture
    async def adapter(self, root: Path) -> AsyncIterator[LocalStorage]:
        storage = await connect("local", {"root": root, "open_files": KEPT_OPEN})
        assert isinstance(storage, LocalStorage)
        yield storage
        await storage.close()

    @pytest.fixture
    def put(self, root: Path) -> Put:
        """Write beside the file and rename over it, as any careful program does."""

        async def put(key: str, content: bytes) -> None:
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = root.with_name("beside")
            beside.write_bytes(content)
            beside.rename(path)

        return put
