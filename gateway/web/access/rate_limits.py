"""Rate limits: a token bucket for each API key.

A bucket is one number: the time at which it will be full again (the generic cell rate algorithm of ATM). A request
postpones that time by the refill time of one token. It is refused if the bucket would then need more than its whole
refill time to be full. A full bucket is not stored.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

# Full buckets are removed once there are more buckets than this, and twice as many as the last removal left.
_PRUNE_ABOVE: Final = 10_000
# The rounding error of sums of floats, in tokens.
_TOLERANCE: Final = 1e-6


class Quota(NamedTuple):
    """A key's quota: `limit` requests in a burst, `remaining` of them now, all of them again at `reset_at`.

    `reset_at` is in seconds since the epoch; `retry_after_seconds` is 0 for a request that was granted.
    """

    limit: int
    remaining: int
    reset_at: int
    retry_after_seconds: int

    def headers(self) -> Mapping[str, str]:
        """The X-RateLimit header fields."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }


class RateLimits:
    """The buckets: `burst` tokens each, refilled evenly.

    `clock` counts seconds and never steps; `now` is the time in seconds since the epoch, for the client.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._token_seconds = 60 / requests_per_minute
        self._burst = burst
        self._clock = clock
        self._now = now
        self._full_at: dict[int, float] = {}
        self._prune_above = _PRUNE_ABOVE

    def take(self, key_id: int) -> Quota:
        """Take a token from the key's bucket, unless the bucket is empty."""
        clock = self._clock()
        full_at = max(self._full_at.get(key_id, clock), clock)
        missing = (full_at - clock) / self._token_seconds
        if missing + 1 > self._burst + _TOLERANCE:
            wait = (missing + 1 - self._burst) * self._token_seconds
            return self._quota(missing, max(math.ceil(wait), 1))
        self._full_at[key_id] = full_at + self._token_seconds
        self._prune(clock)
        return self._quota(missing + 1, 0)

    def _quota(self, missing: float, retry_after_seconds: int) -> Quota:
        remaining = math.floor(self._burst - missing + _TOLERANCE)
        reset_at = math.ceil(self._now() + missing * self._token_seconds)
        return Quota(self._burst, max(remaining, 0), reset_at, retry_after_seconds)

    def _prune(self, clock: float) -> None:
        if len(self._full_at) > self._prune_above:
            self._full_at = {key_id: full_at for key_id, full_at in self._full_at.items() if full_at > clock}
            self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._full_at))
