"""How often and how soon a failed request is made again.

Knows: a count per window, tokens shared by the whole storage, and jittered pauses.
Refuses to know: requests. Randomness is an argument.
"""

from collections.abc import Callable

REFUND = 0.2
"""What one success gives back of a token: below a success rate of about 80 % the tokens run out."""

PAUSE_BASE_SECONDS = 0.1
PAUSE_MAX_SECONDS = 2.0


class RetryTokens:
    """Stops retry storms: each retry takes a token, each success gives a part of one back.

    While S3 is down the tokens run out, and then every request is made once and fails at once.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = float(capacity)
        self._tokens = float(capacity)

    def take(self) -> bool:
        """True if one more retry is allowed."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def refund(self) -> None:
        """Count one success."""
        self._tokens = min(self._capacity, self._tokens + REFUND)


def pause_seconds(failures: int, chance: Callable[[], float]) -> float:
    """How long to wait after the nth failure (from 1): exponential with full jitter, `chance` in [0, 1)."""
    return min(PAUSE_MAX_SECONDS, PAUSE_BASE_SECONDS * 2.0 ** (failures - 1)) * chance()
