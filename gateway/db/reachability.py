"""Whether the database answers, so that look-ups do not all wait for one that does not."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from gateway.errors import Unavailable

# The pause between queries to a database that does not answer.
RETRY_SECONDS: Final = 0.5


class Reachability:
    """Whether the database answers, as the latest look-up showed. The caches of a process share one."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._query_again_at = 0.0
        self._answered_at = clock()
        self.is_away = False

    def record_answer(self) -> None:
        self.is_away = False
        self._answered_at = self._clock()

    def seconds_since_answer(self) -> float:
        """The seconds since the database answered last."""
        return self._clock() - self._answered_at

    def record_failure(self) -> None:
        self.is_away = True
        self._query_again_at = self._clock() + RETRY_SECONDS

    def may_query(self) -> bool:
        """Whether to send a query now: always while the database answers, else every RETRY_SECONDS."""
        if not self.is_away:
            return True
        if self._clock() < self._query_again_at:
            return False
        self._query_again_at = self._clock() + RETRY_SECONDS
        return True

    def require(self) -> None:
        """Raise Unavailable while the database is down, except for one query every RETRY_SECONDS."""
        if not self.may_query():
            raise Unavailable("The catalogue cannot be reached", retry_after_seconds=5)
