"""The entries of a cache, found by topic and asker, bounded in number; the oldest is evicted first.

An entry that is removed, for whatever reason, ends its validity.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.catalog import Validity

Topic = TypeVar("Topic", bound=Hashable)
Asker = TypeVar("Asker", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class Entry(Generic[Value]):
    """A value, the time `until` which it is valid, and the validity that was handed out with it."""

    value: Value
    until: float
    validity: Validity


class Entries(Generic[Topic, Asker, Value]):
    """At most `capacity` entries, counted one by one, so that a topic with many askers is bounded too."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # In the order in which they were added, which is also the order of their `until`.
        self._entries: OrderedDict[tuple[Topic, Asker], Entry[Value]] = OrderedDict()
        self._askers: dict[Topic, set[Asker]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, topic: Topic, asker: Asker) -> Entry[Value] | None:
        return self._entries.get((topic, asker))

    def add(self, topic: Topic, asker: Asker, entry: Entry[Value]) -> None:
        """Add an entry in place of the one of the same topic and asker."""
        self.remove(topic, asker)
        self._entries[topic, asker] = entry
        self._askers.setdefault(topic, set()).add(asker)
        if len(self._entries) > self._capacity:
            self.remove(*next(iter(self._entries)))

    def remove(self, topic: Topic, asker: Asker) -> None:
        entry = self._entries.pop((topic, asker), None)
        if entry is None:
            return
        entry.validity.end()
        askers = self._askers[topic]
        askers.discard(asker)
        if not askers:
            del self._askers[topic]

    def forget(self, topic: Topic) -> None:
        for asker in tuple(self._askers.get(topic, ())):
            self.remove(topic, asker)

    def take_expired(self, now: float) -> list[tuple[Topic, Asker, Value]]:
        """Remove and return the entries that have expired by `now`."""
        taken = []
        while self._entries:
            (topic, asker), entry = next(iter(self._entries.items()))
            if entry.until > now:
                break
            self.remove(topic, asker)
            taken.append((topic, asker, entry.value))
        return taken

    def take_all(self) -> list[tuple[Topic, Asker, Value]]:
        """Remove and return everything."""
        taken = [(topic, asker, entry.value) for (topic, asker), entry in self._entries.items()]
        for entry in self._entries.values():
            entry.validity.end()
        self._entries.clear()
        self._askers.clear()
        return taken
