"""A local storage in a folder of the test's own, and how to count what it holds open."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage_adapters import connect
from storage_adapters.local import LocalStorage
from storage_adapters.threads import READING, THREADS, WRITING
from tests.contracts.storage_helpers import Put

KEPT_OPEN = 3


def count_open(root: Path) -> int:
    """How many of our descriptors are open beneath the root (Linux)."""
    return sum(is_open_beneath(Path(entry), root) for entry in Path("/proc/self/fd").iterdir())


def is_open_beneath(entry: Path, root: Path) -> bool:
    try:
        return entry.readlink().is_relative_to(root)
    except FileNotFoundError:  # the descriptor of the look itself
        return False


async def settle() -> None:
    """Return when all that was handed to threads before, or is in this turn, is done, and its callbacks have run."""
    await asyncio.sleep(0)
    for executor in (READING, WRITING):
        # When every thread waits here, what was queued before is done.
        meeting = threading.Barrier(THREADS)
        waiting = (asyncio.get_running_loop().run_in_executor(executor, meeting.wait) for _ in range(THREADS))
        await asyncio.gather(*waiting)
    await asyncio.sleep(0)


class LocalFixtures:
    """An adapter that keeps few files open, and a way in that is plain files."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "the root"

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
