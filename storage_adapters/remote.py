"""Counts what a remote storage backend requested from its server, and what it received."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Final

LATEST: Final = 65_536
"""How many times are kept until they are taken: more than a few seconds have, and 2 MiB where they never are (imports)."""


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
        """Count one more that was answered, after this many seconds."""
        self.answered += 1
        self.first_byte_seconds.append(seconds)

    def take(self) -> "Traffic":
        """The sums, which begin anew."""
        taken = Traffic(self.answered, self.failed, self.received, self.first_byte_seconds)
        self.answered, self.failed, self.received, self.first_byte_seconds = 0, 0, 0, _latest()
        return taken


class Remote(ABC):
    """A storage backend that is reached over a network."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """The sums; their exporter takes them every few seconds."""

    @property
    @abstractmethod
    def cached_bytes(self) -> int:
        """How many bytes of objects are kept on this side."""
