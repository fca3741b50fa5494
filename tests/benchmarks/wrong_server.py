"""A server that answers every request with the same bytes, right or wrong, in pieces of a given size."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.target import Target


@contextmanager
def answering(
    folder: Path,
    response: bytes,
    *,
    piece: int = 1 << 20,
    closes: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Iterator[Target]:
    """The server reads a whole request head, calls `before`, then writes the response, `piece` bytes at a time, and may close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, response, piece, closes, before))
        thread.start()
        log = folder / "log"
        log.touch()
        try:
            yield Target("wrong", os.getpid(), listener.getsockname()[1], "/object", log)
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            thread.join()


def _serve(
    listener: socket.socket,
    response: bytes,
    piece: int,
    closes: bool,  # noqa: FBT001 - of a thread
    before: Callable[[], None],
) -> None:
    threads = []
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threads.append(threading.Thread(target=_answer, args=(client, response, piece, closes, before)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _answer(
    client: socket.socket,
    response: bytes,
    piece: int,
    closes: bool,  # noqa: FBT001 - of a thread
    before: Callable[[], None],
) -> None:
    with client, suppress(OSError), client.makefile("rb") as lines:
        for line in lines:
            if line == b"\r\n":
                before()
                for start in range(0, len(response), piece):
                    client.sendall(response[start : start + piece])
                if closes:
                    return
