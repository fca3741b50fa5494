"""An object that lies in a bucket already → a recording, where it is.

Knows: which keys of a listing are worth a look, and that an object is looked at by ranged reads of one
version, never read to its end: a length that could only be counted stays what the container says, or unknown.
Refuses to know: the command line, SQL, S3.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.catalog import MediaFile
from gateway.imports.destination import Destination
from gateway.imports.files import NotImportable, is_unfinished
from gateway.media.facts import NotMedia
from gateway.media.prober import is_remote
from gateway.storage import Storage
from storage_adapters.base import Listable, ListedObject


@dataclass(frozen=True, slots=True)
class ObjectIngest(Destination):
    """Registers objects where they are stored."""

    async def add(self, listed: ListedObject) -> tuple[MediaFile, bool]:
        """The object's row, and whether it is new.

        Raises NotMedia, Conflict (another owner has the object), Unavailable or StorageError.
        """
        if not listed.size:
            raise NotMedia("it is empty")
        async with self.storage.adapter.open(listed.key) as stored:
            found = await self.prober.probe(stored, remote=is_remote(self.storage.adapter))
            return await self.register(listed.key, found, stored.stat, listed.key.rpartition("/")[2])


async def find_objects(storage: Storage, prefix: str) -> AsyncGenerator[ListedObject, None]:
    """The objects whose key starts with the prefix, in order; hidden and unfinished ones are left out.

    One that is named in full is never left out. Raises NotImportable or StorageError.
    """
    adapter = storage.adapter
    if not isinstance(adapter, Listable):
        raise NotImportable(f"the storage {storage.name!r} cannot be listed")
    async for listed in adapter.list(prefix):
        # Consoles keep an empty object for a folder, also for the one that is the storage's own prefix.
        is_folder = not listed.key or listed.key.endswith("/")
        if not is_folder and not _is_passed_over(listed.key.removeprefix(prefix)):
            yield listed


def _is_passed_over(rest: str) -> bool:
    """Whether nobody means an object whose key goes on like this behind the prefix."""
    return any(name.startswith(".") for name in rest.split("/")) or is_unfinished(rest)
