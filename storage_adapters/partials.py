"""Files that arrive in pieces: drafts that outlive connections and processes.

Knows: that a key's partial file lies in `.seekgate-tmp/` under the hash of the key, and that its lock says who
writes. Refuses to know: where the pieces come from, and which are still missing.

The lock is flock's: it ends with its descriptor, so also with a process that is killed. The file may have been
published or removed between opening and locking it: then another is opened. `drafts.sweep` removes partial
files that nobody has written to for a day.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import sha256
from io import BufferedRandom
from pathlib import Path
from typing import Final

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from storage_adapters.base import ObjectNotFound, StorageUnavailable
from storage_adapters.drafts import make_drafts_directory, make_durable, publish
from storage_adapters.paths import DRAFTS, check_key, resolve_entry, translated
from storage_adapters.threads import finish, take

ATTEMPTS: Final = 16
"""How often in a row another may take the file away between opening and locking it."""


class Partial:
    """A locked partial file (PartialWriter)."""

    def __init__(self, key: str, file: AsyncBufferedIOBase, size: int) -> None:
        self._key = key
        self._file = file
        self.size = size

    async def write(self, data: bytes) -> None:
        """Append. Raises StorageError."""
        with translated(self._key):
            await self._file.write(data)
        self.size += len(data)

    async def truncate(self, size: int) -> None:
        """Drop what was written beyond `size` bytes. Raises StorageError."""
        with translated(self._key):
            await self._file.seek(size)
            await self._file.truncate()
        self.size = size


def partial_path(root: Path, key: str) -> Path:
    """Where the key's partial file lies. Raises InvalidKey."""
    check_key(key)
    return root / DRAFTS / f"partial-{sha256(key.encode()).hexdigest()}"


def measure_partial(root: Path, key: str) -> int:
    """How many bytes are kept."""
    with translated(key):
        try:
            return partial_path(root, key).stat().st_size
        except FileNotFoundError:
            return 0


@asynccontextmanager
async def open_partial(root: Path, key: str) -> AsyncGenerator[Partial, None]:
    """The key's partial file, locked and at its end; it is on disk when the block was left, however that was."""
    file, size = await take(partial(lock, root, key, create=True), close_locked)
    try:
        yield Partial(key, wrap(file), size)
    finally:
        await finish(partial(keep, key, file))


async def publish_partial(root: Path, key: str) -> None:
    """Give the partial file its key's name, durably. Raises ObjectNotFound if there is none."""
    locked = await take(partial(lock, root, key, create=False), close_locked)
    try:
        await asyncio.to_thread(make_durable, key, locked[0])
        await finish(partial(publish, root, key, str(partial_path(root, key))))
    finally:
        await finish(partial(close_locked, locked))


def drop_partial(root: Path, key: str) -> None:
    """Remove the partial file; who writes to it writes to nothing."""
    with translated(key):
        partial_path(root, key).unlink(missing_ok=True)


def lock(root: Path, key: str, *, create: bool) -> tuple[BufferedRandom, int]:
    """The open, locked file and its size. Raises StorageUnavailable while another has the lock."""
    path = partial_path(root, key)
    with translated(key):
        resolve_entry(root, key)
        make_drafts_directory(root, key)
        for _ in range(ATTEMPTS):
            file = open_file(path, key, create=create)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if is_the_same(path, file):
                    return file, file.seek(0, os.SEEK_END)
            except BlockingIOError:
                file.close()
                raise StorageUnavailable(key, "another writes to it at this moment") from None
            except BaseException:
                file.close()
                raise
            file.close()
    raise StorageUnavailable(key, "it is taken away as often as it is opened")


def open_file(path: Path, key: str, *, create: bool) -> BufferedRandom:
    """The file, open for reading and writing. Raises ObjectNotFound if it is absent and not to be made."""
    flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    try:
        return os.fdopen(os.open(path, flags, 0o666), "r+b")
    except FileNotFoundError:
        raise ObjectNotFound(key, "nothing was kept of it") from None


def is_the_same(path: Path, file: BufferedRandom) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def keep(key: str, file: BufferedRandom) -> None:
    """Put what was written on disk and let the lock go. Raises StorageError."""
    try:
        make_durable(key, file)
    finally:
        close_locked((file, 0))


def close_locked(locked: tuple[BufferedRandom, int]) -> None:
    """Close the file, which unlocks it."""
    with suppress(OSError):
        locked[0].close()
