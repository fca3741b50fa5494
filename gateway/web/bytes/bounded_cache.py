"""A cache with bounds on its entries and on their bytes. It evicts the least recently used entry first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """At most `max_entries` values, whose keys have at most `max_bytes` together."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value, which is now the most recently used one."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, key_bytes: int) -> None:
        """Store the value under a key of that many bytes."""
        self.drop(key)
        self._entries[key] = value, key_bytes
        self._bytes += key_bytes
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, dropped_bytes) = self._entries.popitem(last=False)
            self._bytes -= dropped_bytes

    def drop(self, key: Key) -> None:
        """Remove the key, if it is in the cache."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]
