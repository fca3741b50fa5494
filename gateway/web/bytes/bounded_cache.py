"""A cache that is bounded in entries and in bytes; the least recently used entry goes first."""

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
        self._known: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Key) -> Value | None:
        """The value, which is now the most recently used one."""
        known = self._known.get(key)
        if known is None:
            return None
        self._known.move_to_end(key)
        return known[0]

    def put(self, key: Key, value: Value, key_bytes: int) -> None:
        """Remember the value under a key of that many bytes."""
        self.drop(key)
        self._known[key] = value, key_bytes
        self._bytes += key_bytes
        while len(self._known) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, dropped_bytes) = self._known.popitem(last=False)
            self._bytes -= dropped_bytes

    def drop(self, key: Key) -> None:
        """Forget the key, if it is known."""
        known = self._known.pop(key, None)
        if known is not None:
            self._bytes -= known[1]
