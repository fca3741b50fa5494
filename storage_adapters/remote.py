"""What a storage behind a network asked of its server, and what came back.

Knows: sums. Refuses to know: who tells them, and to whom.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Final

LATEST: Final = 65_536
"""How many times are kept until somebody takes them: more than a server's few seconds have, and 2 MiB for whoever never
does, as a long import."""


def _latest() -> deque[float]:
    return deque(maxlen=LATEST)


@dataclass(slots=True)
class Traffic:
    """Requests for bytes of objects, since the sums were last taken.

    `answered` have an answer that began, after the `first_byte_seconds` that the latest of them took; `failed` broke off, or
    were refused for a while. `received` are bytes of answers, heads included.
    """

    answered: int = 0
    failed: int = 0
    received: int = 0
    first_byte_seconds: deque[float] = field(default_factory=_latest)

    def answer(self, seconds: float) -> None:
        """One more that was answered, after so many seconds."""
        self.answered += 1
        self.first_byte_seconds.append(seconds)

    def take(self) -> "Traffic":
        """The sums, which begin anew."""
        taken = Traffic(self.answered, self.failed, self.received, self.first_byte_seconds)
        self.answered, self.failed, self.received, self.first_byte_seconds = 0, 0, 0, _latest()
        return taken


class Remote(ABC):
    """A storage behind a network."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """Whoever tells of it takes it now and then, every few seconds."""

    @property
    @abstractmethod
    def cached_bytes(self) -> int:
        """How many bytes of objects are kept on this side."""
