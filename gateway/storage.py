"""The storages as the gateway is configured with them.

Knows: their names, and what the configuration says of each. Refuses to know: how they work inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage_adapters.base import StorageAdapter, StorageUnavailable


@dataclass(frozen=True, slots=True)
class Storage:
    """An adapter under its configured `name`.

    `root` is the folder of a local storage; `redirect` sends readers to the storage's own URLs (302)
    instead of passing the bytes through.
    """

    name: str
    kind: str
    adapter: StorageAdapter
    root: Path | None = None
    redirect: bool = False


def storage_named(storages: Mapping[str, Storage], name: str, key: str) -> Storage:
    """The storage that holds the object `key`; StorageUnavailable where the configuration lacks it."""
    storage = storages.get(name)
    if storage is None:
        raise StorageUnavailable(key, f"no storage named {name!r} is configured")
    return storage
