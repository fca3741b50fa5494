"""Counts the requests of a remote storage backend to its server, and the bytes received."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Final

LATEST: Final = 65_536
"""The maximum number of recorded times: more than a few seconds produce; 2 MiB where nothing takes them (imports)."""


def _latest() -> deque[float]:
    return deque(maxlen=LATEST)


@dataclass(slots=True)
class Traffic:
    """The requests for bytes of objects since the counts were last taken.

    `responses` counts responses whose head arrived, `first_byte_seconds` has the seconds until then of the latest ones.
    `failed` counts requests that broke off or got a temporary refusal. `received` counts bytes, heads included.
    """

    responses: int = 0
    failed: int = 0
    received: int = 0
    first_byte_seconds: deque[float] = field(default_factory=_latest)

    def count_response(self, seconds: float) -> None:
        """Count one response, whose head arrived after this many seconds."""
        self.responses += 1
        self.first_byte_seconds.append(seconds)

    def take(self) -> "Traffic":
        """Return the counts and reset them."""
        taken = Traffic(self.responses, self.failed, self.received, self.first_byte_seconds)
        self.responses, self.failed, self.received, self.first_byte_seconds = 0, 0, 0, _latest()
        return taken


class Remote(ABC):
    """A storage backend that is reached over a network."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """The counts; the metrics exporter takes them every few seconds."""

    @property
    @abstractmethod
    def cached_bytes(self) -> int:
        """The number of bytes of objects in the local cache."""
