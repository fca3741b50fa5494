"""Writes and removes files so that each appears or disappears in one step, and survives a power cut.

A draft is a file in `.seekgate-tmp/` of the same root, and so of the same file system. It is published by one rename,
so that it becomes visible only once it is complete. A process that is killed leaves its drafts; `remove_abandoned`
removes those that were not written to for a day.
"""

import os
import stat
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from io import BufferedRandom, BufferedWriter
from pathlib import Path
from typing import Final
from uuid import uuid4

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from storage_adapters.base import AccessDenied, InvalidKey, StorageError, StorageUnavailable
from storage_adapters.local import paths
from storage_adapters.threads import WRITING, finish, run, take

ABANDONED_AFTER_SECONDS: Final = 24 * 60 * 60

PRUNING_RACES: Final = 16
"""After this many attempts, publishing gives up: a deletion removed the empty directory each time."""


class Draft:
    """A file being written (ObjectWriter)."""

    def __init__(self, key: str, file: AsyncBufferedIOBase) -> None:
        self._key = key
        self._file = file

    async def write(self, data: bytes) -> None:
        """Append. Returns when the file has the bytes, so that memory stays bounded. Raises StorageError."""
        with paths.translated(self._key):
            await self._file.write(data)


@asynccontextmanager
async def open_draft(root: Path, key: str, modes: paths.Modes) -> AsyncGenerator[Draft, None]:
    """Open a draft, which becomes the object when the block ends; if the block raises, the draft is removed.

    A cancellation during the final rename may come too late; then the object exists, complete.
    """
    name = uuid4().hex
    file = await take(partial(begin, root, key, name, modes), partial(discard, root, name), WRITING)
    try:
        yield Draft(key, wrap(file, executor=WRITING))
        await run(partial(make_durable, key, file), WRITING)
        await finish(partial(publish, root, key, name, modes))
    finally:
        await finish(partial(discard, root, name, file))


def begin(root: Path, key: str, name: str, modes: paths.Modes) -> BufferedWriter:
    """Create an empty draft for this key. Raises InvalidKey, before the caller reads any input, or StorageError."""
    paths.check_key(key)
    with paths.translated(key):
        paths.resolve_entry(root, key)
        with drafts_directory(root, key, modes) as drafts:
            return os.fdopen(make_file(name, drafts, modes, os.O_WRONLY | os.O_EXCL), "wb")


@contextmanager
def drafts_directory(root: Path, key: str = "", modes: paths.Modes | None = None) -> Iterator[int]:
    """Open the directory for drafts; create it if it is absent and `modes` are given.

    This account must own it: another owner could replace the files in it. Raises StorageError or OSError.
    """
    top = paths.open_root(root, key)
    try:
        drafts = (
            paths.enter_directory(paths.DRAFTS, top)
            if modes is None
            else paths.make_directory(paths.DRAFTS, top, modes.directory)
        )
    except NotADirectoryError:  # or a link to one
        raise StorageUnavailable(key, f"{paths.DRAFTS} in the root is not a directory; remove it") from None
    finally:
        os.close(top)
    try:
        if (owner := os.fstat(drafts).st_uid) != os.geteuid():
            raise AccessDenied(key, f"{paths.DRAFTS} belongs to account {owner}; remove it or change its owner")
        yield drafts
    finally:
        os.close(drafts)


def make_file(name: str, directory: int, modes: paths.Modes, flags: int) -> int:
    """Open the file of this name in the open directory; create it if it is absent. Raises OSError."""
    fd = os.open(name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, paths.PRIVATE.file, dir_fd=directory)
    if modes.file != paths.PRIVATE.file:
        os.fchmod(fd, modes.file)
    return fd


def make_durable(key: str, file: BufferedWriter | BufferedRandom) -> None:
    """Flush the file and wait until every byte is on the disk."""
    with paths.translated(key):
        file.flush()
        os.fsync(file.fileno())


def publish(root: Path, key: str, draft: str, modes: paths.Modes) -> None:
    """Rename the draft of this name to its key, durably. Raises StorageError."""
    with paths.translated(key), drafts_directory(root, key) as drafts:
        for _ in range(PRUNING_RACES):
            with suppress(FileNotFoundError):
                return rename_into_place(root, key, draft, drafts, modes)
    raise StorageUnavailable(key, f"its directory was removed {PRUNING_RACES} times in a row while publishing into it")


def rename_into_place(root: Path, key: str, draft: str, drafts: int, modes: paths.Modes) -> None:
    """Try once, creating directories as needed. Raises FileNotFoundError if a deletion has pruned one meanwhile."""
    *parents, name = paths.resolve_entry(root, key)
    make = partial(paths.make_directory, mode=modes.directory)
    with paths.open_directory(root, key, parents, make) as directory:
        os.rename(draft, name, src_dir_fd=drafts, dst_dir_fd=directory)
        os.fsync(directory)


def discard(root: Path, name: str, file: BufferedWriter) -> None:
    """Close the draft, and remove it unless it was published."""
    with suppress(OSError):
        file.close()
    with suppress(OSError, StorageError), drafts_directory(root) as drafts:
        os.unlink(name, dir_fd=drafts)


def remove(root: Path, key: str) -> None:
    """Unlink the key's file durably, and the directories that this leaves empty. It need not exist.

    A symbolic link is removed, not its target. Raises InvalidKey for anything that is neither file nor link.
    """
    paths.check_key(key)
    with paths.translated(key), suppress(FileNotFoundError, NotADirectoryError):
        *parents, name = paths.resolve_entry(root, key)
        with paths.open_directory(root, key, parents) as directory:
            require_removable(key, os.stat(name, dir_fd=directory, follow_symlinks=False))
            os.unlink(name, dir_fd=directory)
            os.fsync(directory)
        prune(root, key, parents)


def require_removable(key: str, status: os.stat_result) -> None:
    """Raise InvalidKey unless this is a regular file or a symbolic link."""
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise InvalidKey(key, f"names no regular file (mode {stat.filemode(status.st_mode)})")


def prune(root: Path, key: str, names: Sequence[str]) -> None:
    """Remove the directory at the end of these names, then those above it, up to the first that is not empty.

    The root stays. A race loses nothing: the kernel removes only empty directories.
    """
    with suppress(OSError):
        for depth in reversed(range(len(names))):
            with paths.open_directory(root, key, names[:depth]) as directory:
                os.rmdir(names[depth], dir_fd=directory)


def remove_abandoned(root: Path, now: float, modes: paths.Modes) -> None:
    """Create the directory for drafts; remove drafts not written to for a day before `now` (seconds since 1970)."""
    with drafts_directory(root, modes=modes) as drafts:
        os.fchmod(drafts, modes.directory)  # an older release may have created it with other permissions
        for name in os.listdir(drafts):  # noqa: PTH208 - of an open directory
            with suppress(OSError):  # another process removes them too
                modified_at = os.stat(name, dir_fd=drafts, follow_symlinks=False).st_mtime
                if now - modified_at > ABANDONED_AFTER_SECONDS:
                    os.unlink(name, dir_fd=drafts)
