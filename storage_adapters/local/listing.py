"""Lists the objects below a root directory in key order.

Symbolic links are neither listed nor followed: their targets are listed under their own keys. Names that are not
Unicode cannot be keys and are left out. All functions block: call them in a thread.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from storage_adapters.base import ListedObject
from storage_adapters.local.open_files import describe
from storage_adapters.local.paths import DRAFTS, is_unicode, open_directory, translated

Entry = tuple[str, os.stat_result]
"""The key of a file or directory, and its status. A directory's key ends with a slash, as its objects sort there."""


def walk(root: Path, prefix: str) -> Iterator[ListedObject]:
    """Yield every object whose key starts with `prefix`; files that change during the walk may be missed.

    No descriptor is open between two objects. Raises StorageError.
    """
    pending = list_directory(root, "", prefix)
    while pending:
        key, status = pending.pop()
        if key.endswith("/"):
            pending += list_directory(root, key, prefix)
        else:
            version = describe(status)
            yield ListedObject(key, version.size, version.etag, version.last_modified)


def list_directory(root: Path, directory: str, prefix: str) -> list[Entry]:
    """The directory's entries for this prefix, last key first; empty if it was removed meanwhile."""
    found: list[Entry] = []
    names = directory.split("/")[:-1]
    with (
        translated(prefix),
        suppress(FileNotFoundError, NotADirectoryError),
        open_directory(root, prefix, names) as fd,
        os.scandir(fd) as entries,
    ):
        for entry in entries:
            found += find_entry(directory, entry, prefix)
    return sorted(found, key=itemgetter(0), reverse=True)


def find_entry(directory: str, entry: "os.DirEntry[str]", prefix: str) -> tuple[Entry, ...]:
    """The entry, if it is a file or directory that matters for this prefix."""
    key = directory + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
    if key == DRAFTS + "/" or not is_unicode(key) or not matters(key, prefix):
        return ()
    with suppress(FileNotFoundError):
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            return ((key, status),)
    return ()


def matters(key: str, prefix: str) -> bool:
    """Whether the key of the entry, or of something below it, can start with the prefix."""
    return key.startswith(prefix) or (key.endswith("/") and prefix.startswith(key))
