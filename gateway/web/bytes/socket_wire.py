"""Writes straight to the socket of a connection without TLS, with `write` and `sendfile`.

uvloop has no `loop.sendfile`, so `os.write` and `os.sendfile` are called on the transport's own non-blocking socket.
That is sound while three conditions hold, which are checked before each call:

1. The transport's write buffer is empty. Otherwise bytes would overtake it.
2. The transport is not closing. Otherwise the descriptor's number may belong to another connection.
3. Nothing is awaited between the check and the system call.

When the socket is full, the next few bytes are handed over to the transport (gateway/web/connections/outgoing.py).

Windows of a file, and the bytes that may wait unsent in the kernel, grow with what the client has taken: a client that
seeks away after a short while wastes little, and a download needs few system calls and waits.
"""

import os
import sys
import time
from functools import partial
from typing import Final

from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.connections.outgoing import Outgoing, closed
from storage_adapters import threads
from storage_adapters.base import FilePiece, ObjectChanged, StorageUnavailable
from storage_adapters.page_cache import is_resident, read_ahead

FIRST_WINDOW_BYTES: Final = 256 * 1024
"""How much of a file the first `sendfile` sends; each window that the socket takes whole doubles the next."""
MAX_WINDOW_BYTES: Final = 4 * 1024 * 1024

HANDOVER_BYTES: Final = 4096
"""How much of a file is handed over to the transport, which waits for the socket."""

MIN_UNSENT_BYTES: Final = 1024 * 1024
MAX_UNSENT_BYTES: Final = 4 * 1024 * 1024
"""Once MIN_UNSENT_BYTES of a response were sent, about as many bytes as were sent may wait unsent, up to this many. The
unsent bytes are pages of the file, not copies, and save most waits for the socket."""

# Pages that were in the cache this long ago may have been evicted since.
_RESIDENT_SECONDS: Final = 0.25


def send_now(fd: int, head: bytes, piece: FilePiece | None) -> tuple[int, bool]:
    """Send what the socket `fd` takes without waiting. Returns the number of bytes, and whether the socket is full now.

    The caller checks the three conditions above. Errors are not reported: sending the rest raises them again.
    """
    sent = 0
    try:
        sent = os.write(fd, head)
        if sent < len(head):
            return sent, True
        if piece is not None:
            file_fd, offset, length = piece
            taken = os.sendfile(fd, file_fd, offset, length)
            return sent + taken, taken < length
    except BlockingIOError:
        return sent, True
    except OSError:
        pass
    return sent, False


class SocketWire:
    """A Wire straight to the socket, which has taken `sent` bytes of the response already.

    A client that `wants_all` gets windows of the full size from the start.
    """

    def __init__(self, outgoing: Outgoing, turns: LoopTurns, sent: int = 0, *, wants_all: bool = False) -> None:
        self._outgoing = outgoing
        self._transport = outgoing.transport
        self._fd = outgoing.fd
        self._turns = turns
        self._window = MAX_WINDOW_BYTES if wants_all else FIRST_WINDOW_BYTES
        self._grows_at = MIN_UNSENT_BYTES
        self.sent = sent

    async def write(self, data: bytes) -> None:
        self._limit_unsent()
        if self._turns.left <= 0:
            await self._turns.wait(len(data))
        self._require_open()
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        self._count(written)
        if written < len(data):
            await self._hand_over(memoryview(data)[written:])

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        fd, offset, length = piece
        resident_until, asked_at = offset, 0.0
        while length:
            window = min(length, self._window)
            if offset + window > resident_until or time.monotonic() - asked_at > _RESIDENT_SECONDS:
                if not is_resident(fd, offset, window):
                    await _make_resident(fd, offset, window)
                resident_until, asked_at = offset + window, time.monotonic()
            if before:
                await self.write(before)
                before = b""
            if self._turns.left <= 0:
                await self._turns.wait(window)
            self._require_open()
            try:
                sent = os.sendfile(self._fd, fd, offset, window)
            except BlockingIOError:
                sent = 0
            else:
                _require_bytes(sent, offset)
            self._count(sent)
            offset += sent
            length -= sent
            self._grow(took_all=sent == window, left=length)
            if sent < window:
                handed = os.pread(fd, min(window - sent, HANDOVER_BYTES), offset)
                _require_bytes(len(handed), offset)
                await self._hand_over(handed)
                offset += len(handed)
                length -= len(handed)

    async def _hand_over(self, data: bytes | memoryview) -> None:
        await self._outgoing.hand_over(data)
        self._count(len(data))

    def _require_open(self) -> None:
        if self._transport.is_closing():
            raise closed()

    def _count(self, sent: int) -> None:
        self.sent += sent
        self._turns.spend(sent)

    def _grow(self, *, took_all: bool, left: int) -> None:
        if took_all and self._window < MAX_WINDOW_BYTES:
            self._window *= 2
        if left and self.sent >= self._grows_at:
            limit = min(1 << (self.sent.bit_length() - 1), MAX_UNSENT_BYTES)
            self._outgoing.unsent.allow(limit)
            self._grows_at = 2 * limit if limit < MAX_UNSENT_BYTES else sys.maxsize

    def _limit_unsent(self) -> None:
        """Set the default limit again, for bytes that are copied and for the next response."""
        self._outgoing.limit_unsent()
        self._grows_at = MIN_UNSENT_BYTES

    def abort(self) -> None:
        self._transport.abort()

    def close(self) -> None:
        self._limit_unsent()


def _require_bytes(count: int, offset: int) -> None:
    if count == 0:
        raise ObjectChanged("", f"the file ends before byte {offset}")


async def _make_resident(fd: int, offset: int, length: int) -> None:
    """Read cold pages in a thread: `sendfile` on them would block the event loop until the disk has them."""
    try:
        await threads.run(partial(read_ahead, fd, offset, length))
    except OSError as error:
        # An error of the disk must not count as one of the connection.
        raise StorageUnavailable("", str(error)) from error
