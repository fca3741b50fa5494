"""A file on this machine → an object in a storage and a recording in the catalogue.

Knows: when a file is registered where it lies and when it is copied in, and under which key.
Refuses to know: the command line, SQL, and how a storage works inside.

A file inside the storage's root keeps its place: its key is its path from the root. Anything else is
copied to `imports/{user}/{first two of sha256}/{sha256}.{format}`, so the same bytes have the same key.
"""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from gateway.catalog import MediaFile
from gateway.imports.destination import Destination
from gateway.media.facts import MediaFacts, NotMedia
from storage_adapters.base import ObjectNotFound, ObjectStat, Writable

CHUNK_BYTES: Final = 1 << 20
_UNFINISHED: Final = ("~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp")


class NotImportable(Exception):
    """The file cannot be taken in; the text says why."""


class OpenFile:
    """An open file of this machine, read as a stored object is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        stat = os.fstat(file.fileno())
        self.stat = ObjectStat(stat.st_size, "", datetime.fromtimestamp(stat.st_mtime, UTC))

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield these bytes. Raises NotImportable if the file has become shorter, or OSError."""
        end = offset + length
        while offset < end:
            wanted = min(end - offset, CHUNK_BYTES)
            chunk = await asyncio.to_thread(os.pread, self._file.fileno(), wanted, offset)
            if not chunk:
                raise NotImportable("it became shorter while it was read")
            offset += len(chunk)
            yield chunk


@dataclass(frozen=True, slots=True)
class Ingest(Destination):
    """Takes files in; safe to repeat.

    `report` is called with the number of bytes just read, also from other threads.
    """

    report: Callable[[int], None] = lambda _: None

    async def add(self, path: Path) -> tuple[MediaFile, bool]:
        """The file's row, and whether it is new.

        Raises NotMedia, NotImportable, Conflict (another owner has the object) or StorageError.
        """
        async with _opened(path) as file:
            found = await self.prober.probe(OpenFile(file))
            key = await asyncio.to_thread(self._key_in_place, path)
            if key is not None:
                self.report(os.fstat(file.fileno()).st_size)
                return await self.register(key, found, await self.measure(key), _shown(path))
            return await self._copy_in(path, file, found)

    def _key_in_place(self, path: Path) -> str | None:
        """The key of a file inside the root, None for one outside."""
        if self.storage.root is None:
            return None
        root, real = self.storage.root.resolve(), path.resolve()
        if real.is_relative_to(root):
            return _utf8(real.relative_to(root).as_posix())
        if path.absolute().is_relative_to(self.storage.root.absolute()):
            raise NotImportable("it is a link that leads out of the storage's root")
        return None

    async def _copy_in(self, path: Path, file: BinaryIO, found: MediaFacts) -> tuple[MediaFile, bool]:
        digest = await self._hash(file)
        key = f"imports/{self.owner.user_id}/{digest[:2]}/{digest}.{found.format}"
        if not await self._holds(key):
            await self._copy(file, key, digest, found)
        media, new = await self.register(key, found, await self.measure(key), _shown(path))
        if not await self._holds(key):
            # A deletion that was queued before may have run between our look and our row.
            await self._copy(file, key, digest, found)
            await self.remember(media, await self.measure(key))
        return media, new

    async def _hash(self, file: BinaryIO) -> str:
        file.seek(0)
        hashed = sha256()
        while count := await asyncio.to_thread(_hash_next, file, hashed.update):
            self.report(count)
        return hashed.hexdigest()

    async def _copy(self, file: BinaryIO, key: str, digest: str, found: MediaFacts) -> None:
        """Write the object, whole or not at all; the bytes must be the ones that were hashed."""
        adapter = self.storage.adapter
        if not isinstance(adapter, Writable):
            raise NotImportable(f"the storage {self.storage.name!r} cannot be written to")
        file.seek(0)
        hashed = sha256()
        async with adapter.create(key, content_type=found.content_type) as writer:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                await asyncio.to_thread(hashed.update, chunk)
                await writer.write(chunk)
            if hashed.hexdigest() != digest:
                raise NotImportable("it changed while it was read")

    async def _holds(self, key: str) -> bool:
        try:
            await self.measure(key)
        except ObjectNotFound:
            return False
        return True


def find_files(folder: Path, refuse: Callable[[OSError], None]) -> Iterator[Path]:
    """The files below a folder, in order; hidden and unfinished ones are left out, linked folders not entered.

    `refuse` is called for each folder that cannot be read.
    """
    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and not is_unfinished(name):
                yield Path(parent, name)


def is_unfinished(name: str) -> bool:
    """Whether programs call a file so that they are still writing."""
    return name.lower().endswith(_UNFINISHED)


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[BinaryIO]:
    with closing(await asyncio.to_thread(_open_regular, path)) as file:
        yield file


def _open_regular(path: Path) -> BinaryIO:
    """The file, open. O_NONBLOCK: opening a FIFO must not wait for a writer."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a device can have effects
            raise NotMedia("it is no regular file")
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise NotImportable(f"it cannot be opened: {error.strerror}") from error


def _hash_next(file: BinaryIO, update: Callable[[bytes], None]) -> int:
    chunk = file.read(CHUNK_BYTES)
    update(chunk)
    return len(chunk)


def _utf8(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        raise NotImportable("its name is not UTF-8") from None
    return key


def _shown(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")
