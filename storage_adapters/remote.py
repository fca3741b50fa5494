"""What a storage behind a network asked of its server, and what came back.

Knows: sums. Refuses to know: who tells them, and to whom.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """Requests for bytes of objects, since the sums were last taken.

    `first_byte_seconds` has, for each that was answered, how long it took until its answer began; `failed` counts those
    that broke off, or were refused for a while. `received` are bytes of answers, heads included.
    """

    failed: int = 0
    received: int = 0
    first_byte_seconds: list[float] = field(default_factory=list)

    def take(self) -> "Traffic":
        """The sums, which begin anew."""
        taken = Traffic(self.failed, self.received, self.first_byte_seconds)
        self.failed, self.received, self.first_byte_seconds = 0, 0, []
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
