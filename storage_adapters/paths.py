"""Which file a key names beneath a root directory, and what the kernel's refusals mean.

A key is a relative POSIX path, in Unicode: names joined by single slashes, none of them `.` or `..`. Its symbolic
links may lead anywhere inside the root and nowhere else, and must have been placed by this account or by root. That
cannot be raced: a key is resolved to a path without links first, and that path is then walked from the root's
descriptor, one component at a time, following none. If a link is swapped in meanwhile, the result is an error.

Everything here blocks and belongs in a thread, except `check_key`.
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
"""The directory in the root for objects that are being written; no key leads into it."""

KIND_OF_ERRNO: Final[Mapping[int, type[StorageError]]] = {
    errno.ENOENT: ObjectNotFound,
    errno.ENOTDIR: ObjectNotFound,
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.ELOOP: InvalidKey,
    errno.ENAMETOOLONG: InvalidKey,
    errno.EISDIR: InvalidKey,
    errno.EILSEQ: InvalidKey,  # a file system that takes UTF-8 only, or not this UTF-8
    errno.ENXIO: InvalidKey,  # a socket, or a device without a driver
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,  # beyond what the file system, or a limit of this process, permits
}
"""Everything else (EMFILE, EIO, ESTALE …) is StorageUnavailable."""

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
REGULAR: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: a FIFO that takes the file's place at the last moment must not hang us."""


class Modes(NamedTuple):
    """The permissions of what is made, whatever the umask is."""

    directory: int
    file: int


PRIVATE: Final = Modes(0o700, 0o600)
GROUP_READABLE: Final = Modes(0o750, 0o640)


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Whatever OSError the block raises is raised as the StorageError that it means."""
    try:
        yield
    except OSError as error:
        raise storage_error(key, error) from error


def storage_error(key: str, error: OSError) -> StorageError:
    """The StorageError that the kernel's refusal means."""
    kind = KIND_OF_ERRNO.get(error.errno or 0, StorageUnavailable)
    return kind(key, "no space is left on the disk" if kind is StorageFull else error.strerror or str(error))


def check_key(key: str) -> None:
    """Return if the key can name an object; raises InvalidKey with the reason if not."""
    names = key.split("/")
    if "" in names:
        raise InvalidKey(key, "is empty, absolute, or has an empty name between slashes")
    if "." in names or ".." in names:
        raise InvalidKey(key, "has a name that is a dot or two")
    if "\0" in key:
        raise InvalidKey(key, "contains a NUL")
    if not is_unicode(key):
        raise InvalidKey(key, "is not valid Unicode")
    if names[0] == DRAFTS:
        raise InvalidKey(key, "is where objects are being written")


def is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogates, as Python makes them of file names that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def resolve_file(root: Path, key: str) -> list[str]:
    """The names from the root to the file itself: every symbolic link followed. The root is resolved already.

    Raises InvalidKey if a link leads out of the root, OSError if one vanishes under our eyes. What cannot be
    resolved is left for the walk to find.
    """
    names = names_beneath(root, key, os.path.realpath(root / key))
    if "/".join(names) != key:
        require_trusted_links(root, key)
    return names


def require_trusted_links(root: Path, key: str) -> None:
    """Return if this account or root placed every symbolic link on the way to the key. Raises InvalidKey."""
    path = root
    for name in key.split("/"):
        path /= name
        with suppress(OSError):  # what is missing is left for the walk to find
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode) and status.st_uid not in {0, os.geteuid()}:
                raise InvalidKey(key, f"leads through a symbolic link of account {status.st_uid}")


def resolve_entry(root: Path, key: str) -> list[str]:
    """The names from the root to the key's directory entry: a link there is not followed, those before it are."""
    parent, _, name = key.rpartition("/")
    directory = os.path.realpath(root / parent)
    return [*(names_beneath(root, key, directory) if directory != str(root) else ()), name]


def names_beneath(root: Path, key: str, path: str) -> list[str]:
    """The names that lead from the root to the path; raises InvalidKey if it is elsewhere."""
    beneath = path.removeprefix(str(root).rstrip("/") + "/")
    if beneath == path:
        raise InvalidKey(key, "leads out of the root")
    names = beneath.split("/")
    if names[0] == DRAFTS:
        raise InvalidKey(key, "leads to where objects are being written")
    return names


def enter_directory(name: str, directory: int) -> int:
    """Open the directory of this name in the open directory."""
    return os.open(name, DIRECTORY, dir_fd=directory)


def make_directory(name: str, directory: int, mode: int) -> int:
    """The same, made (and its name made durable) if absent."""
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
    """The directory at the end of these names, opened without following a link; its descriptor.

    Raises StorageUnavailable if the root itself cannot be opened: a disk that is not mounted says
    nothing about its objects. Any other trouble is an OSError.
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
    """The root's descriptor; the caller closes it. Raises StorageUnavailable."""
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StorageUnavailable(key, f"the root cannot be opened: {error.strerror}") from error


def open_regular(root: Path, key: str) -> tuple[int, os.stat_result]:
    """The key's file, open for reading, and what fstat says of it; the caller closes it. Raises StorageError."""
    check_key(key)
    with translated(key):
        *parents, name = resolve_file(root, key)
        with open_directory(root, key, parents) as directory:
            # Looked at before it is opened, because opening a device can act on it; and after, because of races.
            require_regular(key, os.stat(name, dir_fd=directory, follow_symlinks=False))
            return open_in_directory(key, name, directory)


def open_in_directory(key: str, name: str, directory: int) -> tuple[int, os.stat_result]:
    """The same for a name in an open directory, whatever took its place a moment ago. Raises InvalidKey or OSError."""
    fd = os.open(name, REGULAR, dir_fd=directory)
    try:
        return fd, require_regular(key, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise


def require_regular(key: str, status: os.stat_result) -> os.stat_result:
    """The status; raises InvalidKey if it is not a regular file's."""
    if not stat.S_ISREG(status.st_mode):
        raise InvalidKey(key, f"names no regular file (mode {stat.filemode(status.st_mode)})")
    return status
