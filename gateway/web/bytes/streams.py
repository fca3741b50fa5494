"""Counts the streams that run, and limits their number in total and for each reader."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from gateway.errors import RateLimited, Unavailable

_RETRY_SECONDS = 1


class Streams:
    """The streams that run now: at most `limit`, and at most `limit_per_reader` of one API key or signed URL."""

    def __init__(self, limit: int, limit_per_reader: int | None = None) -> None:
        self._limit = limit
        self._limit_per_reader = limit if limit_per_reader is None else limit_per_reader
        self._readers: dict[Hashable, int] = {}
        self.running = 0

    def has_room(self, reader: Hashable) -> bool:
        """Whether one more may run, for this reader if one is named."""
        return self.running < self._limit and (reader is None or self._readers.get(reader, 0) < self._limit_per_reader)

    def begin(self, reader: Hashable) -> None:
        """Count one more stream. Raises Unavailable or RateLimited if it may not run."""
        if self.running >= self._limit:
            raise Unavailable("Too many streams are running", _RETRY_SECONDS)
        if not self.has_room(reader):
            raise RateLimited("Too many streams are running with this API key or URL", _RETRY_SECONDS)
        self.running += 1
        if reader is not None:
            self._readers[reader] = self._readers.get(reader, 0) + 1

    def end(self, reader: Hashable) -> None:
        """Count one stream less."""
        self.running -= 1
        if reader is not None:
            left = self._readers[reader] - 1
            if left:
                self._readers[reader] = left
            else:
                del self._readers[reader]

    @contextmanager
    def of(self, reader: Hashable) -> Iterator[None]:
        """Count a stream of this reader for the block. Raises what `begin` raises."""
        self.begin(reader)
        try:
            yield
        finally:
            self.end(reader)
