"""The local adapter: files below a root directory.

One LocalStorage belongs to one event loop; several processes may share one root.
"""

import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from storage_adapters.base import (
    AccessDenied,
    Listable,
    ListedObject,
    ObjectNotFound,
    ObjectStat,
    OpenObjectCache,
    StorageError,
    StorageUnavailable,
)
from storage_adapters.local.drafts import Draft, open_draft, remove, remove_abandoned
from storage_adapters.local.listing import walk
from storage_adapters.local.open_files import LocalObject, OpenFiles
from storage_adapters.local.partials import Partial, drop_partial, measure_partial, open_partial, publish_partial
from storage_adapters.local.paths import GROUP_READABLE, PRIVATE, Modes
from storage_adapters.resumable import Composing, Resumable
from storage_adapters.storage_options import LocalOptions
from storage_adapters.threads import WRITING, run, settle

PAGE_SIZE: Final = 256
"""The number of objects that one call in a thread lists."""

READABLE: Final = os.R_OK | os.X_OK
USABLE: Final = READABLE | os.W_OK


async def connect(**options: Any) -> "ReadOnlyLocalStorage":
    """Create the adapter of a directory, which is created if absent. The options are the fields of `LocalOptions`.

    It is a LocalStorage, which can write, unless the options say `read_only`. Raises ValueError if the directory cannot
    be used; the text says what to change.
    """
    parsed = LocalOptions(**options)
    modes = GROUP_READABLE if parsed.readable_by_group else PRIVATE
    root = partial(find_root, parsed.root) if parsed.read_only else partial(prepare_root, parsed.root, modes)
    try:
        resolved = await run(root)
    except OSError as error:
        raise ValueError(
            f"the root {os.fspath(parsed.root)!r} must be a directory that this process can write to"
            f" (or set read_only): {error.strerror}"
        ) from error
    except StorageError as error:
        raise ValueError(f"the root {os.fspath(parsed.root)!r}: {error.reason}") from error
    files = OpenFiles(resolved, parsed.open_files)
    return ReadOnlyLocalStorage(resolved, files) if parsed.read_only else LocalStorage(resolved, files, modes)


def find_root(root: Path | str) -> Path:
    """The path of an existing root without symbolic links. Raises StorageError unless it can be read."""
    resolved = Path(os.path.realpath(root))
    probe_root(resolved, READABLE)
    return resolved


def prepare_root(root: Path | str, modes: Modes) -> Path:
    """Create the root if absent and remove abandoned drafts; return its path without symbolic links.

    An existing root keeps its permissions: its owner may have chosen them on purpose. Raises OSError or StorageError.
    """
    resolved = Path(os.path.realpath(root))
    if not resolved.is_dir():
        resolved.mkdir(PRIVATE.directory, parents=True, exist_ok=True)
        resolved.chmod(modes.directory)
    remove_abandoned(resolved, time.time(), modes)
    return resolved


def probe_root(root: Path, access: int) -> None:
    """Raise StorageError unless the root is a directory that this process may use like this (READABLE, USABLE)."""
    if not root.is_dir():
        raise StorageUnavailable("", "the root is not a directory, or not mounted")
    if not os.access(root, access, effective_ids=os.access in os.supports_effective_ids):
        raise AccessDenied("", f"the root may not be {'written to' if access == USABLE else 'read'}")


class Opening:
    """The context of `LocalStorage.open`: pins one file. A class, because a generator costs more for each request."""

    __slots__ = ("_files", "_key", "_stored")

    def __init__(self, files: OpenFiles, key: str) -> None:
        self._files = files
        self._key = key

    async def __aenter__(self) -> LocalObject:
        self._stored = self._files.pin_open(self._key) or await self._files.pin(self._key)
        return self._stored

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.unpin(self._stored)


class ReadOnlyLocalStorage(OpenObjectCache, Listable):
    """A StorageAdapter over the files below `root`, which is resolved; made by `connect`. Nothing is written to it."""

    def __init__(self, root: Path, files: OpenFiles) -> None:
        self._root = root
        self._files = files

    def open(self, key: str, expected: ObjectStat | None = None) -> Opening:  # noqa: ARG002 - measuring is free here
        """Pin the file that has the key now."""
        return Opening(self._files, key)

    def find_open(self, key: str) -> LocalObject | None:
        """The file that has the key now, if it is open already."""
        return self._files.find_open(key)

    async def delete(self, key: str) -> None:
        """Refuse with AccessDenied, unless there is no such object."""
        with suppress(ObjectNotFound):
            async with self.open(key):
                pass
            raise AccessDenied(key, "the storage backend is read_only; the object is removed once it is not")

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield every object whose key starts with `prefix`, in key order; a thread reads one page at a time."""
        objects = walk(self._root, prefix)
        while page := await run(partial(tuple, islice(objects, PAGE_SIZE))):
            for listed in page:
                yield listed

    async def ping(self) -> None:
        """Raise StorageError unless the root is a directory that can be read."""
        await run(partial(probe_root, self._root, READABLE))

    async def close(self) -> None:
        """Close the files without readers, including those that cancelled calls have opened."""
        await settle()
        await self._files.close()


class LocalStorage(ReadOnlyLocalStorage, Composing, Resumable):
    """A StorageAdapter over the files below a root that can be written to."""

    def __init__(self, root: Path, files: OpenFiles, modes: Modes) -> None:
        super().__init__(root, files)
        self._modes = modes

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[Draft, None]:  # noqa: ARG002 - a file has no place for it
        """Write a file; one rename makes it visible once it is complete and on the disk."""
        async with open_draft(self._root, key, self._modes) as draft:
            yield draft
        self._files.drop(key)

    async def delete(self, key: str) -> None:
        """Remove the file, and the directories that this leaves empty; current readers can finish."""
        try:
            await run(partial(remove, self._root, key), WRITING)
            await run(partial(drop_partial, self._root, key), WRITING)
        finally:
            self._files.drop(key)

    async def partial_size(self, key: str) -> int:
        """The size of the key's partial file in bytes; 0 if there is none."""
        return await run(partial(measure_partial, self._root, key))

    def append(self, key: str) -> AbstractAsyncContextManager[Partial]:
        """Append to the key's partial file."""
        return open_partial(self._root, key, self._modes)

    async def publish(self, key: str) -> None:
        """Make the partial file the object, by one rename."""
        await publish_partial(self._root, key, self._modes)
        self._files.drop(key)

    async def ping(self) -> None:
        """Raise StorageError unless the root is a directory that can be written to."""
        await run(partial(probe_root, self._root, USABLE))
