"""Finds, opens and reads the local files of an import; no symbolic link is followed out of the folder to import."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from gateway.media.facts import NotMedia
from storage_adapters.base import ObjectStat

_CHUNK_BYTES: Final = 1 << 20
_UNFINISHED: Final = ("~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp")
# O_NONBLOCK: opening a FIFO must not wait for a writer.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class NotImportable(Exception):
    """The file cannot be imported; the text says why."""


def _ignore(_: int) -> None: ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to import. If it was found in a `folder`, its path must lead inside that folder, links resolved."""

    path: Path
    folder: Path | None = None

    @property
    def size(self) -> int:
        """Its size in bytes; 0 if it cannot be read: opening it for the import reports the reason."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def shown(self) -> str:
        """The file name as valid Unicode; bytes that are not UTF-8 become U+FFFD."""
        return os.fsencode(self.path.name).decode("utf-8", "replace")

    @asynccontextmanager
    async def opened(self, report: Callable[[int], None] = _ignore) -> AsyncGenerator["OpenFile"]:
        """Open the file; `report` is called with the number of bytes of each read. Raises NotMedia or NotImportable."""
        with closing(await asyncio.to_thread(self._open)) as file:
            _require_regular(os.fstat(file.fileno()))  # again: the path may have been replaced meanwhile
            yield OpenFile(file, report)

    def _open(self) -> BinaryIO:
        try:
            _require_regular(self.path.stat())  # before opening it: opening a device can have side effects
            if self.folder is None:
                return os.fdopen(os.open(self.path, _FLAGS), "rb")
            return _open_inside(self.folder.resolve(), self.path.resolve(strict=True))
        except OSError as error:
            raise NotImportable(f"it cannot be opened: {error.strerror}") from error


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotMedia("it is not a regular file")


def _open_inside(folder: Path, path: Path) -> BinaryIO:
    """Open a file below a folder, one component at a time, so that no link that appears meanwhile is followed."""
    if not path.is_relative_to(folder):
        raise NotImportable(f"it is a link that leads out of {folder}")
    *parents, name = path.relative_to(folder).parts
    with _descriptor(os.open(folder, _FLAGS | os.O_DIRECTORY)) as first:
        fd = os.dup(first)
        for parent in parents:
            with _descriptor(fd):
                fd = os.open(parent, _FLAGS | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        with _descriptor(fd):
            return os.fdopen(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=fd), "rb")


@contextmanager
def _descriptor(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


class OpenFile:
    """An open file as a StoredObject."""

    def __init__(self, file: BinaryIO, report: Callable[[int], None] = _ignore) -> None:
        self._file = file
        self._report = report
        stat = os.fstat(file.fileno())
        self.stat = ObjectStat(stat.st_size, "", datetime.fromtimestamp(stat.st_mtime, UTC))

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield these bytes. Raises NotImportable if the file has become shorter, or OSError."""
        end = offset + length
        while offset < end:
            wanted = min(end - offset, _CHUNK_BYTES)
            chunk = await asyncio.to_thread(os.pread, self._file.fileno(), wanted, offset)
            if not chunk:
                raise NotImportable("it became shorter while it was read")
            offset += len(chunk)
            yield chunk

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the whole file; only the first call reports the bytes read."""
        report, self._report = self._report, _ignore
        async for chunk in self.read(0, self.stat.size):
            report(len(chunk))
            yield chunk


def find_files(folder: Path, refuse: Callable[[OSError], None]) -> Iterator[Path]:
    """The files below a folder, sorted within each folder, without hidden and unfinished files and linked folders.

    `refuse` is called for each folder that cannot be read.
    """
    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and not is_unfinished(name):
                yield Path(parent, name)


def is_unfinished(name: str) -> bool:
    """Whether the name has a suffix that programs give to files they are still writing."""
    return name.lower().endswith(_UNFINISHED)
