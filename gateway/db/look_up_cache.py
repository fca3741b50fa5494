"""Caches the results of look-ups until they change, and serves them while the database cannot be reached.

Rule 1: while notifications arrive, a cached result is returned without a query.
Rule 2: as soon as notifications do not arrive, every look-up sends a query. If the database does not answer, a result
that was confirmed at most `grace_seconds` ago is returned; its validity has ended.
Rule 3: when notifications arrive again, and when an entry is too old, the next look-up sends a query. If the database
does not answer, the exception of rule 2 applies.
Rule 4: if the notification of a change arrives during a look-up, the result is returned, but not cached.
Rule 5: concurrent look-ups of one entry share one query; a client that disconnects does not cancel it for the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from contextlib import suppress
from enum import Enum
from time import monotonic
from typing import Final, Generic, TypeVar

from gateway.catalog import Validity
from gateway.db.bounded_entries import Entries, Entry
from gateway.db.reachability import Reachability
from gateway.errors import Unavailable

# Notifications end an entry. This limit is for changes without a notification, such as those made with triggers disabled.
FOUND_SECONDS: Final = 60.0
# Long enough to absorb a storm of bad requests, short enough that rows created meanwhile are found soon.
MISSING_SECONDS: Final = 2.0
# Found and missing entries are counted separately, so that a storm of bad requests cannot evict the entries of players.
CAPACITY: Final = 20_000
MISSING_CAPACITY: Final = 10_000
# How long a look-up waits for a database that may be down before a cached result is returned instead.
ANSWER_TIMEOUT_SECONDS: Final = 2.0


class Unknown(Enum):
    """The type of UNKNOWN: nothing is cached, not even that nothing was found."""

    UNKNOWN = 0


UNKNOWN: Final = Unknown.UNKNOWN

Topic = TypeVar("Topic", bound=Hashable)
Caller = TypeVar("Caller", bound=Hashable)
Value = TypeVar("Value")
LookUp = Callable[[], Awaitable[Value | None]]


class LookUpCache(Generic[Topic, Caller, Value]):
    """A cache of results by topic (which notifications name) and caller (for whom the result holds).

    `clock` returns seconds and is monotonic. `bind` returns the value with the validity that ends with its entry.
    """

    def __init__(
        self,
        bind: Callable[[Value, Validity], Value],
        reachability: Reachability | None = None,
        *,
        grace_seconds: float = 0.0,
        clock: Callable[[], float] = monotonic,
        capacity: int = CAPACITY,
        missing_capacity: int = MISSING_CAPACITY,
    ) -> None:
        self._bind = bind
        self._reachability = reachability or Reachability(clock)
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._found: Entries[Topic, Caller, Value] = Entries(capacity)
        self._missing: Entries[Topic, Caller, None] = Entries(missing_capacity)
        # Results that were confirmed earlier and may have changed since, for use while the database does not answer.
        self._last: Entries[Topic, Caller, Value] = Entries(capacity)
        self._asking: dict[Topic, dict[Caller, asyncio.Task[Value | None]]] = {}
        self._trusted = False

    def __len__(self) -> int:
        return len(self._found) + len(self._missing) + len(self._last)

    def trust(self, *, trusted: bool) -> None:
        """Set whether notifications arrive from now on. In both cases every entry must be confirmed again."""
        self._asking.clear()
        self._missing.take_all()
        self._keep_as_last(self._found.take_all())
        self._trusted = trusted

    def forget(self, topic: Topic) -> None:
        """Remove the results of a topic that changed, and do not cache the results of running look-ups."""
        self._found.forget(topic)
        self._missing.forget(topic)
        self._last.forget(topic)
        self._asking.pop(topic, None)

    def forget_all(self) -> None:
        """Remove the results of all topics, as `forget` does."""
        for entries in (self._found, self._missing, self._last):
            entries.take_all()
        self._asking.clear()

    def expire(self) -> None:
        """Remove entries that are too old. Called about once a second."""
        now = self._clock()
        self._keep_as_last(self._found.take_expired(now))
        self._missing.take_expired(now)
        self._last.take_expired(now)

    def _keep_as_last(self, confirmed: Iterable[tuple[Topic, Caller, Value]]) -> None:
        """Keep these results for `grace_seconds`, for use while the database does not answer."""
        if self._grace_seconds:
            until = self._clock() + self._grace_seconds
            for topic, caller, value in confirmed:
                self._last.add(topic, caller, Entry(value, until, Validity(holds=False)))

    def recall(self, topic: Topic, caller: Caller) -> Value | Unknown | None:
        """The cached result; UNKNOWN if there is none, or while notifications do not arrive."""
        if not self._trusted:
            return UNKNOWN
        found = self._found.get(topic, caller)
        if found is not None:
            return found.value
        missing = self._missing.get(topic, caller)
        return UNKNOWN if missing is None or missing.until <= self._clock() else None

    async def ask(self, topic: Topic, caller: Caller, look_up: LookUp[Value]) -> Value | None:
        """The cached result, or that of the look-up. Raises Unavailable if the database cannot be reached."""
        known = self.recall(topic, caller)
        if known is not UNKNOWN:
            return known
        last = self._last.get(topic, caller)
        if last is None or last.until <= self._clock():
            if not self._trusted:
                self._reachability.require()
            return await asyncio.shield(self._start(topic, caller, look_up))
        if self._trusted or not self._reachability.is_away:
            # A look-up that takes longer continues, and its result is cached.
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                    return await asyncio.shield(self._start(topic, caller, look_up))
            self._reachability.record_failure()
        elif self._reachability.may_query():
            self._start(topic, caller, look_up)
        return last.value

    def _start(self, topic: Topic, caller: Caller, look_up: LookUp[Value]) -> asyncio.Task[Value | None]:
        """The look-up of this entry: the one that runs already, or a new one."""
        asking = self._asking.setdefault(topic, {})
        if caller not in asking:
            asking[caller] = asyncio.create_task(self._look_up(topic, caller, asking, look_up))
            asking[caller].add_done_callback(_retrieve)
        return asking[caller]

    async def _look_up(
        self, topic: Topic, caller: Caller, asking: dict[Caller, asyncio.Task[Value | None]], look_up: LookUp[Value]
    ) -> Value | None:
        try:
            value = await look_up()
            self._reachability.record_answer()
            # Rule 4: `forget` and `trust` remove the topic's dict. If ours was removed, the topic may have changed.
            return self._remember(topic, caller, value) if self._asking.get(topic) is asking else value
        except Unavailable:
            self._reachability.record_failure()
            raise
        finally:
            del asking[caller]
            if not asking and self._asking.get(topic) is asking:
                del self._asking[topic]

    def _remember(self, topic: Topic, caller: Caller, value: Value | None) -> Value | None:
        self._found.remove(topic, caller)
        self._last.remove(topic, caller)
        if value is None:
            if self._trusted:
                self._missing.add(topic, caller, Entry(None, self._clock() + MISSING_SECONDS, Validity(holds=False)))
            return None
        validity = Validity(holds=self._trusted)
        bound = self._bind(value, validity)
        if self._trusted:
            self._found.add(topic, caller, Entry(bound, self._clock() + FOUND_SECONDS, validity))
        else:
            self._keep_as_last([(topic, caller, bound)])
        return bound


def _retrieve(task: asyncio.Task[Value | None]) -> None:
    """Retrieve the look-up's exception, in case no caller waits for it any more; callers that wait still receive it."""
    if not task.cancelled():
        task.exception()
