"""Storage adapters: local files, S3, memory, and computed objects. They import nothing from the gateway.

`connect(kind, options)` imports the module named `kind` and calls its `connect(**options)`.
"""

from importlib import import_module
from typing import Any

from storage_adapters.base import StorageAdapter

KINDS = ("local", "memory", "s3", "synthetic")


async def connect(kind: str, options: dict[str, Any]) -> StorageAdapter:
    """An adapter of this kind, ready to use.

    Raises ValueError for an unknown kind or unusable options; the text says what to change.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of storage backend {kind!r}: known are {', '.join(KINDS)}")
    module = import_module(f"storage_adapters.{kind}")
    adapter: StorageAdapter = await module.connect(**options)
    return adapter
