"""The options, the client that reads bytes, and the limits that all reads of one storage backend share."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from storage_adapters.s3.ranged_gets import RangedGets
from storage_adapters.s3.shared_limits import Budget, RetryTokens
from storage_adapters.storage_options import S3Options


@dataclass(frozen=True, slots=True)
class ReadPath:
    """Shared by all reads of one storage backend. `chance` returns random numbers in [0, 1)."""

    options: S3Options
    gets: RangedGets
    connections: Budget
    memory: Budget
    tokens: RetryTokens
    chance: Callable[[], float] = field(default=random.random)

    def take_spare(self, length: int) -> bool:
        """Take this much memory if enough memory and connections remain for others; never waits."""
        return self.connections.has_spare(1) and self.memory.take_spare(length)
