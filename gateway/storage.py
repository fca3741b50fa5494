"""The configured storage backends: each adapter with its name and the gateway's settings for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage_adapters.base import StorageAdapter, StorageUnavailable


@dataclass(frozen=True, slots=True)
class Storage:
    """An adapter under its configured `name`.

    `root` is the folder of a local storage backend. `redirect` sends clients to the storage backend's own URLs (302)
    instead of passing the bytes through.
    """

    name: str
    kind: str
    adapter: StorageAdapter
    root: Path | None = None
    redirect: bool = False


def storage_named(storages: Mapping[str, Storage], name: str, key: str) -> Storage:
    """The storage backend with this name; raises StorageUnavailable for the object `key` if none is configured."""
    storage = storages.get(name)
    if storage is None:
        raise StorageUnavailable(key, f"no storage backend named {name!r} is configured")
    return storage
