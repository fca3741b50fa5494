"""Limits how many client connections a process has: at the limit, the oldest idle ones end."""

from itertools import islice
from typing import Final, Protocol

MAX_EXAMINED: Final = 256
"""How many connections are examined for each one that is accepted at the limit."""


class LimitedConnection(Protocol):
    """A connection as the limit sees it."""

    @property
    def is_idle(self) -> bool:
        """Whether no complete request waits for its response."""

    def cut(self) -> None:
        """End the connection."""


class ConnectionLimit:
    """The open connections of a process, at most `max_connections`."""

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._open: dict[LimitedConnection, None] = {}

    def add(self, connection: LimitedConnection) -> None:
        """Count an accepted connection. At the limit, end idle ones; if the examined ones are busy, end this one."""
        self._open[connection] = None
        if len(self._open) <= self._max_connections:
            return
        ended = False
        for each in list(islice(self._open, MAX_EXAMINED)):
            del self._open[each]
            if each is not connection and each.is_idle:
                each.cut()
                ended = True
            else:
                # The next search begins with other connections.
                self._open[each] = None
        if not ended:
            del self._open[connection]
            connection.cut()

    def remove(self, connection: LimitedConnection) -> None:
        """The connection is lost."""
        self._open.pop(connection, None)
