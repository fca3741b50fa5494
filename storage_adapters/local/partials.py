"""Files that arrive in pieces: drafts that outlive connections and processes.

A key's partial file is in `.seekgate-tmp/`, named after the hash of the key. Its writer holds an flock lock, which ends
when its descriptor is closed, even if the process is killed. If the file is published or removed between opening and
locking it, it is opened again. `drafts.remove_abandoned` removes partial files that were not written to for a day.
"""

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
from storage_adapters.local.drafts import drafts_directory, make_durable, make_file, publish
from storage_adapters.local.paths import Modes, check_key, resolve_entry, translated
from storage_adapters.threads import WRITING, finish, run, take

ATTEMPTS: Final = 16
"""How often `lock` opens the file if it is published or removed before it is locked."""


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
        """Drop everything after the first `size` bytes. Raises StorageError."""
        with translated(self._key):
            await self._file.seek(size)
            await self._file.truncate()
        self.size = size


def partial_name(key: str) -> str:
    """The name of the key's partial file. Raises InvalidKey."""
    check_key(key)
    return f"partial-{sha256(key.encode()).hexdigest()}"


def measure_partial(root: Path, key: str) -> int:
    """The size of the key's partial file in bytes; 0 if there is none. Raises StorageError."""
    name = partial_name(key)
    with translated(key):
        try:
            with drafts_directory(root, key) as drafts:
                return os.stat(name, dir_fd=drafts, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0


@asynccontextmanager
async def open_partial(root: Path, key: str, modes: Modes) -> AsyncGenerator[Partial, None]:
    """Open the key's partial file, locked, to append; it is on the disk when the block ends, also after an error."""
    file, size = await take(partial(lock, root, key, modes, create=True), close_locked, WRITING)
    try:
        yield Partial(key, wrap(file, executor=WRITING), size)
    finally:
        await finish(partial(flush_and_unlock, key, file))


async def publish_partial(root: Path, key: str, modes: Modes) -> None:
    """Rename the partial file to its key, durably. Raises ObjectNotFound if there is none."""
    locked = await take(partial(lock, root, key, modes, create=False), close_locked, WRITING)
    try:
        await run(partial(make_durable, key, locked[0]), WRITING)
        await finish(partial(publish, root, key, partial_name(key), modes))
    finally:
        await finish(partial(close_locked, locked))


def drop_partial(root: Path, key: str) -> None:
    """Remove the partial file; the bytes of a writer that still has it open are lost."""
    name = partial_name(key)
    with translated(key), suppress(FileNotFoundError), drafts_directory(root, key) as drafts:
        os.unlink(name, dir_fd=drafts)


def lock(root: Path, key: str, modes: Modes, *, create: bool) -> tuple[BufferedRandom, int]:
    """Open and lock the file; return it and its size. Raises StorageUnavailable while another writer has the lock."""
    name = partial_name(key)
    with translated(key):
        resolve_entry(root, key)
        with drafts_directory(root, key, modes) as drafts:
            for _ in range(ATTEMPTS):
                file = open_file(name, key, drafts, modes, create=create)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if is_the_same(name, drafts, file):
                        return file, file.seek(0, os.SEEK_END)
                except BlockingIOError:
                    file.close()
                    raise StorageUnavailable(key, "it is being written to by another request") from None
                except BaseException:
                    file.close()
                    raise
                file.close()
    raise StorageUnavailable(key, f"its partial file was removed {ATTEMPTS} times in a row before it could be locked")


def open_file(name: str, key: str, drafts: int, modes: Modes, *, create: bool) -> BufferedRandom:
    """Open the file for reading and writing. Raises ObjectNotFound if it is absent and `create` is false."""
    try:
        if create:
            return os.fdopen(make_file(name, drafts, modes, os.O_RDWR), "r+b")
        return os.fdopen(os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=drafts), "r+b")
    except FileNotFoundError:
        raise ObjectNotFound(key, "it has no partial file") from None


def is_the_same(name: str, drafts: int, file: BufferedRandom) -> bool:
    """Whether the name still refers to the open file."""
    try:
        return os.path.samestat(os.stat(name, dir_fd=drafts, follow_symlinks=False), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def flush_and_unlock(key: str, file: BufferedRandom) -> None:
    """Flush the file to the disk and unlock it. Raises StorageError."""
    try:
        make_durable(key, file)
    finally:
        close_locked((file, 0))


def close_locked(locked: tuple[BufferedRandom, int]) -> None:
    """Close the file, which unlocks it."""
    with suppress(OSError):
        locked[0].close()
