"""Limits how many client connections a process has: at the limit, the oldest idle ones end."""

from itertools import islice
from typing import Final, Protocol

SEEN_AT_A_TIME: Final = 256
"""How many connections are looked at for each one that is accepted at the limit."""


class LimitedConnection(Protocol):
    """A connection as the limit sees it."""

    @property
    def is_idle(self) -> bool:
        """Whether no complete request waits for its response."""

    def cut(self) -> None:
        """End the connection."""


class ConnectionLimit:
    """The open connections of a process, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[LimitedConnection, None] = {}

    def add(self, connection: LimitedConnection) -> None:
        """Count an accepted connection. At the limit, end idle ones; if those that were looked at are busy, end this one."""
        self._open[connection] = None
        if len(self._open) <= self._most:
            return
        ended = False
        for each in list(islice(self._open, SEEN_AT_A_TIME)):
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
