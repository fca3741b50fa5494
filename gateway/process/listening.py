"""Listening sockets, opened once and handed to the workers.

Every worker has its own socket on the same port (SO_REUSEPORT), and the socket outlives the worker: a connection that
waits in its queue while one worker ends is accepted by the next one, never refused.
"""

import socket
import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from gateway.settings.load import Config

BACKLOG: Final = 1024
# At most this many bytes of a response wait unsent in the kernel. Without a limit they fill the whole send buffer, which
# the kernel grows to 4 MiB: whenever a client seeks, that much would have been read from a storage backend and counted as
# sent in vain. Bytes that were sent and are not acknowledged yet do not count. For files the limit is raised
# (gateway/web/bytes/socket_wire.py).
_UNSENT_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Sockets:
    """One worker's sockets; `admin` is None if /metrics and /readyz are served on the public port."""

    public: socket.socket
    admin: socket.socket | None

    def close(self) -> None:
        """Close them in this process."""
        self.public.close()
        if self.admin is not None:
            self.admin.close()


def open_sockets(config: Config, stack: ExitStack) -> list[Sockets]:
    """The sockets of every worker, closed with the stack. Raises OSError if a port is not available."""
    server = config.server
    count = server.worker_count
    public = _listen(server.host, server.port, count, stack)
    if server.admin_port is None:
        return [Sockets(each, None) for each in public]
    admin = _listen(server.admin_host, server.admin_port, count, stack)
    return [Sockets(*pair) for pair in zip(public, admin, strict=True)]


def _listen(host: str, port: int, count: int, stack: ExitStack) -> list[socket.socket]:
    """`count` sockets on one port; with port 0 the kernel chooses one port for all."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        first, *others = sockets = [stack.enter_context(_open_socket(family)) for _ in range(count)]
        # The first gets SO_REUSEPORT after it is bound. Before, it could be bound to the port of another gateway of the
        # same user, and each connection would reach either of the two.
        first.bind(address)
        if others:
            for each in sockets:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        for each in others:
            each.bind(first.getsockname())
        # All are bound before any of them listens, so that no connection enters a queue that no worker will serve.
        for each in sockets:
            each.listen(BACKLOG)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sockets


def _open_socket(family: int) -> socket.socket:
    """A TCP socket. Accepted connections inherit its options."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return opened


def base_url(config: Config, sockets: Sockets) -> str:
    """The URL of the gateway for clients on this machine."""
    host, port = sockets.public.getsockname()[:2]
    scheme = "http" if config.server.tls_certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The TLS context for https; None for plain http."""
    if config.server.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.server.tls_certificate, config.server.tls_key)
    return context
