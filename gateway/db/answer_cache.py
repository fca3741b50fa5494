"""Answers remembered until they change.

Knows: what may be remembered, for how long, and when it must be forgotten. Refuses to know: SQL, what the
questions are, and how changes are heard (gateway.db.listener calls `forget`).

    Rule 1: while changes are being heard, what is remembered is answered without asking.
    Rule 2: while they are not, nothing is remembered and every question is asked.
    Rule 3: an answer that was under way when its change was heard is given, but not remembered.
    Rule 4: concurrent misses of one question are asked once; who leaves does not take it along.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from enum import Enum
from time import monotonic
from typing import Final, Generic, TypeVar

# A second line of defence behind the notifications, not the means of invalidation.
FOUND_SECONDS: Final = 60.0
# Long enough to blunt a storm of bad requests, short enough for what is made meanwhile.
MISSING_SECONDS: Final = 2.0
CAPACITY: Final = 20_000


class Unknown(Enum):
    """The type of UNKNOWN: nothing is remembered, not even that there is no answer."""

    UNKNOWN = 0


UNKNOWN: Final = Unknown.UNKNOWN

Topic = TypeVar("Topic", bound=Hashable)
Asker = TypeVar("Asker", bound=Hashable)
Value = TypeVar("Value")
LookUp = Callable[[], Awaitable[Value | None]]


class Memory(Generic[Topic, Asker, Value]):
    """Answers by topic (what changes) and asker (who sees it), the topic least recently asked about leaving first.

    `clock` counts seconds; `capacity` counts topics.
    """

    def __init__(self, clock: Callable[[], float] = monotonic, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._known: OrderedDict[Topic, dict[Asker, tuple[float, Value | None]]] = OrderedDict()
        self._asking: dict[Topic, dict[Asker, asyncio.Task[Value | None]]] = {}
        self._trusted = False

    def trust(self, *, trusted: bool) -> None:
        """Whether changes are being heard from now on; either way all that was known is forgotten."""
        self._trusted = trusted
        self._known.clear()
        self._asking.clear()

    def forget(self, topic: Topic) -> None:
        """The topic changed: forget its answers, and do not remember those under way."""
        self._known.pop(topic, None)
        self._asking.pop(topic, None)

    def recall(self, topic: Topic, asker: Asker) -> Value | Unknown | None:
        """The answer, if it is remembered."""
        answers = self._known.get(topic)
        if answers is not None:
            known = answers.get(asker)
            if known is not None and known[0] > self._clock():
                self._known.move_to_end(topic)
                return known[1]
        return UNKNOWN

    async def ask(self, topic: Topic, asker: Asker, look_up: LookUp[Value]) -> Value | None:
        """The answer, remembered or looked up."""
        known = self.recall(topic, asker)
        if known is not UNKNOWN:
            return known
        if not self._trusted:
            return await look_up()
        asking = self._asking.setdefault(topic, {})
        if asker not in asking:
            asking[asker] = asyncio.create_task(self._look_up(topic, asker, asking, look_up))
        return await asyncio.shield(asking[asker])

    async def _look_up(
        self, topic: Topic, asker: Asker, asking: dict[Asker, asyncio.Task[Value | None]], look_up: LookUp[Value]
    ) -> Value | None:
        try:
            value = await look_up()
            # Rule 3: `forget` and `trust` take the topic's dict away; ours is then no longer the one that counts.
            if self._asking.get(topic) is asking:
                self._remember(topic, asker, value)
            return value
        finally:
            del asking[asker]
            if not asking and self._asking.get(topic) is asking:
                del self._asking[topic]

    def _remember(self, topic: Topic, asker: Asker, value: Value | None) -> None:
        seconds = MISSING_SECONDS if value is None else FOUND_SECONDS
        self._known.setdefault(topic, {})[asker] = (self._clock() + seconds, value)
        self._known.move_to_end(topic)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
