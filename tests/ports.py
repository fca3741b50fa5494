"""Ports that are chosen before the server that listens on them starts."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Different ports for servers that run in the block. A socket that binds port 0 gets none of them.

    Each is bound by a socket that does not listen. A server that sets SO_REUSEADDR, as they all do, can listen there.
    """
    with ExitStack() as stack:
        keepers = [stack.enter_context(socket.socket()) for _ in range(count)]
        for keeper in keepers:
            keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            keeper.bind(("127.0.0.1", 0))
        yield [keeper.getsockname()[1] for keeper in keepers]
