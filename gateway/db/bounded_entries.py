"""The entries of a cache, by topic and caller, bounded in number; the oldest is evicted first.

Removing an entry, for whatever reason, ends its validity.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.catalog import Validity

Topic = TypeVar("Topic", bound=Hashable)
Caller = TypeVar("Caller", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class Entry(Generic[Value]):
    """A value, the time `until` which it is valid, and the validity that was handed out with it."""

    value: Value
    until: float
    validity: Validity


class Entries(Generic[Topic, Caller, Value]):
    """At most `capacity` entries, counted one by one, so that a topic with many callers is bounded too."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # In the order in which they were added, which is also the order of their `until`.
        self._entries: OrderedDict[tuple[Topic, Caller], Entry[Value]] = OrderedDict()
        self._callers: dict[Topic, set[Caller]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, topic: Topic, caller: Caller) -> Entry[Value] | None:
        return self._entries.get((topic, caller))

    def add(self, topic: Topic, caller: Caller, entry: Entry[Value]) -> None:
        """Add an entry; it replaces the one of the same topic and caller."""
        self.remove(topic, caller)
        self._entries[topic, caller] = entry
        self._callers.setdefault(topic, set()).add(caller)
        if len(self._entries) > self._capacity:
            self.remove(*next(iter(self._entries)))

    def remove(self, topic: Topic, caller: Caller) -> None:
        entry = self._entries.pop((topic, caller), None)
        if entry is None:
            return
        entry.validity.end()
        callers = self._callers[topic]
        callers.discard(caller)
        if not callers:
            del self._callers[topic]

    def forget(self, topic: Topic) -> None:
        for caller in tuple(self._callers.get(topic, ())):
            self.remove(topic, caller)

    def take_expired(self, now: float) -> list[tuple[Topic, Caller, Value]]:
        """Remove and return the entries that have expired by `now`."""
        taken = []
        while self._entries:
            (topic, caller), entry = next(iter(self._entries.items()))
            if entry.until > now:
                break
            self.remove(topic, caller)
            taken.append((topic, caller, entry.value))
        return taken

    def take_all(self) -> list[tuple[Topic, Caller, Value]]:
        """Remove and return everything."""
        taken = [(topic, caller, entry.value) for (topic, caller), entry in self._entries.items()]
        for entry in self._entries.values():
            entry.validity.end()
        self._entries.clear()
        self._callers.clear()
        return taken
