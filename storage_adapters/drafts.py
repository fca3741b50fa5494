"""Files being written, and files being removed: how a directory tree changes in one step.

Knows: drafts, renames, what has to be fsynced for it to outlive a power cut. Refuses to know: who reads.

A draft lies in `.seekgate-tmp/` of the same root, so of the same file system: published by one rename
it is there whole, and until then it is nowhere. A process that is killed leaves its drafts behind;
`sweep` removes those that nobody has written to for a day.
"""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from io import BufferedRandom, BufferedWriter
from pathlib import Path
from typing import Final
from uuid import uuid4

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from storage_adapters.base import InvalidKey, StorageUnavailable
from storage_adapters.paths import (
    DRAFTS,
    check_key,
    make_directory,
    open_directory,
    open_root,
    resolve_entry,
    translated,
)
from storage_adapters.threads import finish, take

ABANDONED_AFTER_SECONDS: Final = 24 * 60 * 60

PRUNING_RACES: Final = 16
"""How often in a row a deletion may remove the empty directory that we are about to publish into."""


class Draft:
    """A file being written (ObjectWriter)."""

    def __init__(self, key: str, file: AsyncBufferedIOBase) -> None:
        self._key = key
        self._file = file

    async def write(self, data: bytes) -> None:
        """Append; memory stays bounded, since the write has left it when this returns. Raises StorageError."""
        with translated(self._key):
            await self._file.write(data)


@asynccontextmanager
async def open_draft(root: Path, key: str) -> AsyncGenerator[Draft, None]:
    """A draft that becomes the object when the block ends well, and nothing when it raises or is cancelled.

    A cancellation that arrives during the last rename may come too late: then the object is there, whole.
    """
    file = await take(partial(begin, root, key), discard)
    try:
        yield Draft(key, wrap(file))
        await asyncio.to_thread(make_durable, key, file)
        await finish(partial(publish, root, key, file.name))
    finally:
        await finish(partial(discard, file))


def begin(root: Path, key: str) -> BufferedWriter:
    """A new draft for this key, empty. Raises InvalidKey before a byte is asked for, or another StorageError."""
    check_key(key)
    with translated(key):
        resolve_entry(root, key)
        make_drafts_directory(root, key)
        return Path(root, DRAFTS, uuid4().hex).open("xb")


def make_drafts_directory(root: Path, key: str) -> None:
    """The directory for drafts, made if it was removed. Raises StorageUnavailable or OSError."""
    directory = open_root(root, key)
    try:
        os.close(make_directory(DRAFTS, directory))
    finally:
        os.close(directory)


def make_durable(key: str, file: BufferedWriter | BufferedRandom) -> None:
    """Return when every byte has reached the disk."""
    with translated(key):
        file.flush()
        os.fsync(file.fileno())


def publish(root: Path, key: str, draft: str) -> None:
    """Give the draft its key's name, durably. Raises StorageError."""
    with translated(key):
        for _ in range(PRUNING_RACES):
            with suppress(FileNotFoundError):
                return rename_into_place(root, key, draft)
    raise StorageUnavailable(key, "its directory vanishes as often as it is made")


def rename_into_place(root: Path, key: str, draft: str) -> None:
    """One attempt, in directories made as needed; FileNotFoundError if a deletion pruned one of them meanwhile."""
    *parents, name = resolve_entry(root, key)
    with open_directory(root, key, parents, make_directory) as directory:
        os.rename(draft, name, dst_dir_fd=directory)
        os.fsync(directory)


def discard(file: BufferedWriter) -> None:
    """Close the draft and remove what is left of it; after `publish` that is nothing."""
    with suppress(OSError):
        file.close()
    with suppress(OSError):
        Path(file.name).unlink()


def remove(root: Path, key: str) -> None:
    """Unlink the key's file durably, and the directories that this leaves empty. Absent is fine.

    A symbolic link goes, what it leads to stays. Raises InvalidKey for anything that is neither file nor link.
    """
    check_key(key)
    with translated(key), suppress(FileNotFoundError, NotADirectoryError):
        *parents, name = resolve_entry(root, key)
        with open_directory(root, key, parents) as directory:
            require_removable(key, os.stat(name, dir_fd=directory, follow_symlinks=False))
            os.unlink(name, dir_fd=directory)
            os.fsync(directory)
        prune(root, key, parents)


def require_removable(key: str, status: os.stat_result) -> None:
    """Return for a file or a link, else raise InvalidKey."""
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise InvalidKey(key, f"names no regular file (mode {stat.filemode(status.st_mode)})")


def prune(root: Path, key: str, names: Sequence[str]) -> None:
    """Remove the directory at the end of these names, then those above it, up to the first that is not empty.

    The root stays. Nothing is lost in a race: the kernel removes no directory that has an entry.
    """
    with suppress(OSError):
        for depth in reversed(range(len(names))):
            with open_directory(root, key, names[:depth]) as directory:
                os.rmdir(names[depth], dir_fd=directory)


def sweep(root: Path, now: float) -> None:
    """Remove drafts that nobody has written to for a day before `now` (seconds since the epoch)."""
    for draft in (root / DRAFTS).iterdir():
        with suppress(OSError):  # another process sweeps too
            if now - draft.lstat().st_mtime > ABANDONED_AFTER_SECONDS:
                draft.unlink()
