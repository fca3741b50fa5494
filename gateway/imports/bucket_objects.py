"""Registers objects of a bucket as recordings without copying them.

An object is probed by ranged reads of one version, within a budget of bytes. If the budget does not suffice to find the
duration, it stays unknown.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from gateway.catalog import MediaFile
from gateway.imports.importer import Importer
from gateway.imports.local_files import NotImportable, is_unfinished
from gateway.media.facts import NotMedia
from gateway.media.prober import is_remote
from gateway.storage import Storage
from storage_adapters.base import Listable, ListedObject


@dataclass(frozen=True, slots=True)
class ObjectImporter(Importer):
    """Registers objects where they are stored."""

    async def add(self, listed: ListedObject) -> tuple[MediaFile, bool]:
        """Register the object; return its row, and whether the row is new.

        Raises NotMedia, Conflict (another owner has the object), Unavailable or StorageError.
        """
        if not listed.size:
            raise NotMedia("it is empty")
        async with self.storage.adapter.open(listed.key) as stored:
            found = await self.probe(stored, remote=is_remote(self.storage.adapter))
            return await self.register(listed.key, found, stored.stat, listed.key.rpartition("/")[2])

    async def add_pieces(self, pieces: Mapping[int, ListedObject], name: str) -> tuple[MediaFile, bool]:
        """Join these pieces into a new object and register that; return its row, and whether the row is new."""
        sizes = {number: (listed.key, listed.size) for number, listed in pieces.items()}
        return await self.add_joined(self.storage.adapter, sizes, name)


async def find_objects(storage: Storage, prefix: str) -> AsyncGenerator[ListedObject, None]:
    """Yield the objects whose key starts with the prefix, in key order; hidden and unfinished ones are left out.

    An object whose whole key is the prefix is never left out. Raises NotImportable or StorageError.
    """
    adapter = storage.adapter
    if not isinstance(adapter, Listable):
        raise NotImportable(f"the storage backend {storage.name!r} cannot be listed")
    async for listed in adapter.list(prefix):
        # S3 consoles represent a folder by an empty object, also the folder that is the backend's own prefix.
        is_folder = not listed.key or listed.key.endswith("/")
        if not is_folder and not _is_skipped(listed.key.removeprefix(prefix)):
            yield listed


def _is_skipped(rest: str) -> bool:
    """Whether an object is hidden or unfinished, by the rest of its key after the prefix."""
    return any(name.startswith(".") for name in rest.split("/")) or is_unfinished(rest)
