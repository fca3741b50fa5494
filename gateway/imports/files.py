"""Imports files of this machine: each becomes an object in a storage backend and a recording in the catalogue.

A file inside the backend's root is registered in place: its key is its path from the root. Any other file is copied to
`imports/{user}/{first two digits of sha256}/{sha256}.{format}`, so the same bytes have the same key; for a file of a
session, `-{session}` follows the sha256.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.catalog import MediaFile
from gateway.imports.importer import Importer
from gateway.imports.local_files import LocalFile, NotImportable, OpenFile
from storage_adapters.base import ObjectStat


@dataclass(frozen=True, slots=True)
class FileImporter(Importer):
    """Imports files; safe to repeat. `report` is called with the number of bytes just read."""

    report: Callable[[int], None] = lambda _: None

    async def add(self, file: LocalFile) -> tuple[MediaFile, bool]:
        """Import the file; return its row, and whether the row is new.

        Raises NotMedia, NotImportable, Conflict (another owner has the object) or StorageError.
        """
        async with file.opened(self.report) as opened:
            found = await self.probe(opened)
            key = await asyncio.to_thread(self._key_in_place, file.path)
            if key is None:
                return await self.copy_in(opened.content, found, file.shown)
            self.report(opened.stat.size)
            measured = await self.measure(key)
            if (measured.size, measured.last_modified) != (opened.stat.size, opened.stat.last_modified):
                raise NotImportable("it changed while it was read")
            return await self.register(key, found, measured, file.shown)

    async def add_pieces(self, pieces: Mapping[int, LocalFile], name: str) -> tuple[MediaFile, bool]:
        """Join these pieces into a new object and register that; return its row, and whether the row is new."""
        files = {str(number): file for number, file in pieces.items()}
        sizes = {number: (str(number), file.size) for number, file in pieces.items()}
        added = await self.add_joined(_Pieces(files), sizes, name)
        self.report(sum(size for _, size in sizes.values()))
        return added

    def _key_in_place(self, path: Path) -> str | None:
        """The key of a file inside the root, None for one outside."""
        if self.storage.root is None:
            return None
        root, real = self.storage.root.resolve(), path.resolve()
        if real.is_relative_to(root):
            return _utf8(real.relative_to(root).as_posix())
        if path.absolute().is_relative_to(self.storage.root.absolute()):
            raise NotImportable("it is a link that leads out of the storage backend's root")
        return None


class _Pieces:
    """The pieces of a session, opened like stored objects; the key is the piece's number."""

    def __init__(self, files: Mapping[str, LocalFile]) -> None:
        self._files = files

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[OpenFile]:  # noqa: ARG002 - the protocol's
        async with self._files[key].opened() as opened:
            yield opened


def _utf8(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        raise NotImportable("its name is not UTF-8") from None
    return key
