"""The fork server: a process that has imported everything, and forks a process for each job of the gateway.

It receives one connection for each job over its standard input, passes it on to the new process and parses nothing that
comes over it. It keeps the connection too: if the gateway closes its end, the fork server kills the process; and the
gateway sees the end of the connection only after the process was reaped.

All forked processes have the same memory addresses. So that nobody can find them out by trial, a process that crashes
is the last that this server has forked.
"""

import gc
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from gateway.media.messages import STARTED

# A fork server without processes ends after this long, and its memory is free.
_IDLE_MILLISECONDS: Final = 300_000
# On Linux the closed end of a stream is reported only if that is asked for, elsewhere always.
_CLOSED: Final = getattr(select, "POLLRDHUP", 0)


def fork_for_each_connection(work: Callable[[], None]) -> None:
    """Fork a process for each connection; it does `work` with the connection as its standard input and output."""
    gc.collect()
    gc.freeze()  # collections in the children copy none of these pages
    for ignored in (signal.SIGINT, signal.SIGTERM):  # sent to all processes of a service; the gateway ends this one
        signal.signal(ignored, signal.SIG_IGN)
    _ForkServer(work).run()


class _ForkServer:
    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._requests = socket.socket(fileno=0)
        self._is_open = True
        self._processes: dict[int, tuple[socket.socket, int]] = {}
        self._poll = select.poll()
        self._poll.register(self._requests, select.POLLIN)
        # The end of a child wakes `poll`.
        self._awake, self._waker = socket.socketpair()
        self._waker.settimeout(0)
        self._poll.register(self._awake, select.POLLIN)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Serve until the gateway has closed the other end of `requests`, and all processes have ended."""
        while self._is_open or self._processes:
            ready = dict(self._poll.poll(None if self._processes else _IDLE_MILLISECONDS))
            if not ready:
                self._refuse_more()
            for descriptor in ready.keys() & self._processes.keys():  # first, before a new connection gets its number
                self._kill(descriptor)
            if self._awake.fileno() in ready:
                self._reap()
            if self._requests.fileno() in ready:
                self._accept()

    def _refuse_more(self) -> None:
        """From now on the gateway cannot send a request, and starts another server; those already sent are served."""
        self._requests.shutdown(socket.SHUT_RD)

    def _accept(self) -> None:
        request, descriptors, _, _ = socket.recv_fds(self._requests, 1, 1)
        if not request:
            self._is_open = False
            self._poll.unregister(self._requests)
        for descriptor in descriptors:
            self._start(socket.socket(fileno=descriptor))

    def _start(self, connection: socket.socket) -> None:
        try:
            pid = os.fork()
        except OSError:  # the gateway sees that the connection ends before the process has said anything
            connection.close()
            return
        if pid == 0:
            self._become_child(connection)
        self._processes[connection.fileno()] = connection, pid
        self._poll.register(connection, _CLOSED)

    def _become_child(self, connection: socket.socket) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            os.write(1, STARTED)
            self._work()
            code = 0
        finally:
            os._exit(code)

    def _kill(self, descriptor: int) -> None:
        """Kill the process of this connection, which the gateway has closed."""
        connection, pid = self._processes[descriptor]
        os.kill(pid, signal.SIGKILL)
        self._poll.unregister(connection)

    def _reap(self) -> None:
        """Close the connections of processes that have ended."""
        self._awake.recv(4096)
        while self._processes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
                self._refuse_more()  # before the gateway sees the end and sends another job
            connection = next(each for each, its in self._processes.values() if its == pid)
            del self._processes[connection.fileno()]
            with suppress(KeyError):  # it was killed
                self._poll.unregister(connection)
            connection.close()
