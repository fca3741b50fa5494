"""Resolves keys to files below a root directory, and maps OSError to StorageError.

A key is a relative POSIX path, in Unicode: names joined by single slashes, none of them `.` or `..`. Symbolic links in
it must lead inside the root and must belong to this account or to root. A race cannot circumvent this: a key is first
resolved to a path without links, and that path is then walked from the root's descriptor, one component at a time,
without following links. If a link is swapped in meanwhile, the result is an error.

All functions that use the file system block: call them in a thread.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from storage_adapters.base import (
    AccessDenied,
    InvalidKey,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

DRAFTS: Final = ".seekgate-tmp"
"""The directory in the root for files that are being written; no key can name a file in it."""

KIND_OF_ERRNO: Final[Mapping[int, type[StorageError]]] = {
    errno.ENOENT: ObjectNotFound,
    errno.ENOTDIR: ObjectNotFound,
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.ELOOP: InvalidKey,
    errno.ENAMETOOLONG: InvalidKey,
    errno.EISDIR: InvalidKey,
    errno.EILSEQ: InvalidKey,  # a file system that accepts only (some) UTF-8
    errno.ENXIO: InvalidKey,  # a socket, or a device without a driver
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,  # larger than the file system or a limit of this process permits
}
"""The StorageError of each errno; any other (EMFILE, EIO, ESTALE …) is StorageUnavailable."""

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
REGULAR: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: opening must not block if a FIFO replaces the file at the last moment."""


class Modes(NamedTuple):
    """The permissions of new directories and files, whatever the umask is."""

    directory: int
    file: int


PRIVATE: Final = Modes(0o700, 0o600)
GROUP_READABLE: Final = Modes(0o750, 0o640)


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Raise any OSError of the block as the StorageError that it means."""
    try:
        yield
    except OSError as error:
        raise storage_error(key, error) from error


def storage_error(key: str, error: OSError) -> StorageError:
    """The StorageError that this OSError means."""
    kind = KIND_OF_ERRNO.get(error.errno or 0, StorageUnavailable)
    return kind(key, "no space is left on the disk" if kind is StorageFull else error.strerror or str(error))


def check_key(key: str) -> None:
    """Raise InvalidKey, with the reason, if no object can have this key."""
    names = key.split("/")
    if "" in names:
        raise InvalidKey(key, "is empty, absolute, or has an empty name between slashes")
    if "." in names or ".." in names:
        raise InvalidKey(key, "contains a name `.` or `..`")
    if "\0" in key:
        raise InvalidKey(key, "contains a NUL")
    if not is_unicode(key):
        raise InvalidKey(key, "is not valid Unicode")
    if names[0] == DRAFTS:
        raise InvalidKey(key, "names the directory for files that are being written")


def is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogates. Python decodes file names that are not UTF-8 to these."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def resolve_file(root: Path, key: str) -> list[str]:
    """The names from the root, which is already resolved, to the file, with every symbolic link followed.

    Raises InvalidKey if a link leads out of the root, OSError if one vanishes meanwhile. Names that do not exist are
    returned as they are: walking them raises the error.
    """
    names = names_beneath(root, key, os.path.realpath(root / key))
    if "/".join(names) != key:
        require_trusted_links(root, key)
    return names


def require_trusted_links(root: Path, key: str) -> None:
    """Raise InvalidKey unless every symbolic link on the path of the key belongs to this account or root."""
    path = root
    for name in key.split("/"):
        path /= name
        with suppress(OSError):  # if a name does not exist, walking the path raises the error
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode) and status.st_uid not in {0, os.geteuid()}:
                raise InvalidKey(key, f"leads through a symbolic link of account {status.st_uid}")


def resolve_entry(root: Path, key: str) -> list[str]:
    """The names from the root to the key's directory entry; links are followed, except that entry itself."""
    parent, _, name = key.rpartition("/")
    directory = os.path.realpath(root / parent)
    return [*(names_beneath(root, key, directory) if directory != str(root) else ()), name]


def names_beneath(root: Path, key: str, path: str) -> list[str]:
    """The names from the root to the path. Raises InvalidKey if the path is not below the root."""
    beneath = path.removeprefix(str(root).rstrip("/") + "/")
    if beneath == path:
        raise InvalidKey(key, "leads out of the root")
    names = beneath.split("/")
    if names[0] == DRAFTS:
        raise InvalidKey(key, "leads to the directory for files that are being written")
    return names


def enter_directory(name: str, directory: int) -> int:
    """Open the directory of this name in the open directory."""
    return os.open(name, DIRECTORY, dir_fd=directory)


def make_directory(name: str, directory: int, mode: int) -> int:
    """Open the directory of this name in the open directory; create it, durably, if absent."""
    try:
        os.mkdir(name, PRIVATE.directory, dir_fd=directory)
    except FileExistsError:
        return enter_directory(name, directory)
    os.fsync(directory)
    inner = enter_directory(name, directory)
    os.fchmod(inner, mode | os.fstat(inner).st_mode & stat.S_ISGID)
    return inner


@contextmanager
def open_directory(
    root: Path, key: str, names: Sequence[str], enter: Callable[[str, int], int] = enter_directory
) -> Iterator[int]:
    """Open the directory at the end of these names without following a link; yields its descriptor.

    Raises StorageUnavailable if the root itself cannot be opened: if a disk is not mounted, its objects may still
    exist. Any other failure is an OSError.
    """
    directory = open_root(root, key)
    try:
        for name in names:
            inner = enter(name, directory)
            os.close(directory)
            directory = inner
        yield directory
    finally:
        os.close(directory)


def open_root(root: Path, key: str) -> int:
    """Open the root; the caller closes the descriptor. Raises StorageUnavailable."""
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StorageUnavailable(key, f"the root cannot be opened: {error.strerror}") from error


def open_regular(root: Path, key: str) -> tuple[int, os.stat_result]:
    """Open the key's file for reading; return descriptor and status. The caller closes it. Raises StorageError."""
    check_key(key)
    with translated(key):
        *parents, name = resolve_file(root, key)
        with open_directory(root, key, parents) as directory:
            # Checked before opening, because opening a device can have side effects, and after, because of races.
            require_regular(key, os.stat(name, dir_fd=directory, follow_symlinks=False))
            return open_in_directory(key, name, directory)


def open_in_directory(key: str, name: str, directory: int) -> tuple[int, os.stat_result]:
    """Open a name in an open directory for reading. Raises InvalidKey if it is no longer a regular file, or OSError."""
    fd = os.open(name, REGULAR, dir_fd=directory)
    try:
        return fd, require_regular(key, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise


def require_regular(key: str, status: os.stat_result) -> os.stat_result:
    """Return the status. Raises InvalidKey if it is not that of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        raise InvalidKey(key, f"names no regular file (mode {stat.filemode(status.st_mode)})")
    return status
