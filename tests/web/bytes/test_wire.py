"""Wires on real sockets: large responses take turns, and a client that does not read is disconnected."""

import asyncio
import selectors
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.web.bytes.loop_turns import TURN_BYTES, LoopTurns
from gateway.web.bytes.socket_wire import MAX_UNSENT_BYTES, MAX_WINDOW_BYTES, MIN_UNSENT_BYTES, SocketWire
from gateway.web.connections.outgoing import Outgoing, Stalled, StallTimer, _unacknowledged_bytes
from storage_adapters.base import FilePiece, ObjectChanged

LARGE = 50


@asynccontextmanager
async def drained(readers: list[socket.socket]) -> AsyncGenerator[None]:
    """Read all that arrives, in a thread, until every other end is closed."""

    def read() -> None:
        with selectors.DefaultSelector() as selector:
            for reader in readers:
                selector.register(reader, selectors.EVENT_READ)
            while selector.get_map():
                for ready, _ in selector.select():
                    if not ready.fileobj.recv(1 << 20):  # type: ignore[union-attr] # sockets were registered
                        selector.unregister(ready.fileobj)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield
    await asyncio.to_thread(thread.join)


class Flushing(asyncio.Protocol):
    """A protocol that reports to the way out of its connection, as client connections do."""

    outgoing: Outgoing

    def resume_writing(self) -> None:
        self.outgoing.settle()


@asynccontextmanager
async def wire(
    stall_timeout_seconds: float = 30,
    *,
    turns: LoopTurns | None = None,
    pair: Callable[[], tuple[socket.socket, socket.socket]] = socket.socketpair,
) -> AsyncGenerator[tuple[SocketWire, socket.socket]]:
    """A wire, and the socket at its other end."""
    ours, theirs = pair()
    with theirs:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Flushing, sock=ours)
        protocol.outgoing = Outgoing(loop, transport, stall_timeout_seconds)
        yield SocketWire(protocol.outgoing, turns or LoopTurns()), theirs
        transport.abort()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[FilePiece]:
    path = tmp_path / "large"
    path.write_bytes(bytes(8 << 20))
    with path.open("rb") as opened:
        yield FilePiece(opened.fileno(), 0, 8 << 20)


async def test_a_small_response_waits_for_one_turn_of_all_large_ones_together(file: FilePiece) -> None:
    turns = LoopTurns()
    async with AsyncExitStack() as stack:
        pairs = [await stack.enter_async_context(wire(turns=turns)) for _ in range(LARGE)]
        small, reader = await stack.enter_async_context(wire())
        wires = [each for each, _ in pairs]
        async with drained([theirs for _, theirs in pairs]):
            large = [asyncio.create_task(each.send_file(b"", file)) for each in wires]
            waited = []
            while not all(task.done() for task in large):
                before = sum(each.sent for each in wires)
                await asyncio.sleep(
                    0
                )  # the small response is next in the loop's queue, after the tasks that are in it now
                waited.append(sum(each.sent for each in wires) - before)
                await small.write(b"the response")
                assert reader.recv(100) == b"the response"
            for each in wires:
                each.abort()
    assert all(each.sent == file.length for each in wires)
    # What waiting streams were granted, and what newcomers took beside them.
    assert 0 < max(waited) <= 2 * (TURN_BYTES + MAX_WINDOW_BYTES)


async def test_a_large_response_is_sent_without_other_traffic(file: FilePiece) -> None:
    async with wire() as (alone, theirs), drained([theirs]):
        await alone.send_file(b"head", file)
        alone.abort()
    assert alone.sent == file.length + len(b"head")


def connected() -> tuple[socket.socket, socket.socket]:
    """The two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        return ours, server.accept()[0]


def unsent_bytes(wire: SocketWire) -> int:
    sock = wire._transport.get_extra_info("socket")
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)  # type: ignore[no-any-return]


async def test_the_limit_of_unsent_bytes_grows_for_a_download_and_is_restored_after_it(file: FilePiece) -> None:
    async with wire(pair=connected) as (download, theirs), drained([theirs]):
        usual = unsent_bytes(download)
        await download.send_file(b"", file._replace(length=MIN_UNSENT_BYTES - 1))
        assert unsent_bytes(download) == usual
        await download.send_file(b"", file)
        assert unsent_bytes(download) == MAX_UNSENT_BYTES
        await download.write(b"copied")
        assert unsent_bytes(download) == usual
        await download.send_file(b"", file)
        assert unsent_bytes(download) == MAX_UNSENT_BYTES
        download.close()
        assert unsent_bytes(download) == usual
        download.abort()


async def test_a_client_that_reads_nothing_is_stalled(file: FilePiece) -> None:
    async with wire(stall_timeout_seconds=0.05) as (stalled, _):
        with pytest.raises(Stalled):
            await stalled.send_file(b"", file)
        stalled.close()


class Timers:
    """A loop's timers, which go off when the test says so."""

    def __init__(self) -> None:
        self.next: Callable[[], None] | None = None

    def call_later(self, _seconds: float, call: Callable[[], None]) -> "Timers":
        self.next = call
        return self

    def cancel(self) -> None:
        self.next = None

    def create_future(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()

    def go_off(self) -> None:
        call, self.next = self.next, None
        assert call is not None
        call()


def test_a_client_that_reads_a_little_at_a_time_is_not_stalled() -> None:
    ours, theirs = connected()
    timers, stalled = Timers(), list[Stalled]()
    with ours, theirs:
        ours.settimeout(0)
        ours.send(bytes(64 << 20))
        unacknowledged = partial(_unacknowledged_bytes, ours.fileno())
        before = unacknowledged()
        StallTimer(cast("Any", timers), unacknowledged, 1, stalled.append)
        while unacknowledged() == before:
            assert theirs.recv(1 << 16)
        timers.go_off()
        assert (stalled, timers.next is None) == ([], False)
        timers.go_off()
        assert len(stalled) == 1


class Buffering:
    """A transport that holds `held` bytes, over a socket that takes nothing of this test."""

    def __init__(self, sock: socket.socket) -> None:
        self.held = 0
        self._socket = sock

    def get_extra_info(self, _name: str) -> socket.socket:
        return self._socket

    def set_write_buffer_limits(self, _high: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.held += len(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.held


async def test_a_client_is_not_stalled_while_the_transport_fills_a_full_socket_again() -> None:
    """The kernel has the same number of bytes each time, but the transport has fewer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        timers, transport = Timers(), Buffering(ours)
        flushed = Outgoing(cast("Any", timers), cast("Any", transport), 1).hand_over(bytes(1000))
        transport.held = 400
        timers.go_off()
        assert not flushed.done()
        timers.go_off()
        assert isinstance(flushed.exception(), Stalled)


async def test_a_file_that_ends_early_is_a_changed_object(file: FilePiece) -> None:
    async with wire() as (cut, theirs), drained([theirs]):
        with pytest.raises(ObjectChanged):
            await cut.send_file(b"", FilePiece(file.fd, file.length - 10, 20))
        cut.abort()


async def test_a_closing_connection_is_not_written_to(file: FilePiece) -> None:
    async with wire() as (closed, _):
        closed.abort()
        with pytest.raises(ConnectionResetError):
            await closed.write(b"late")
        with pytest.raises(ConnectionResetError):
            await closed.send_file(b"", file)
    assert closed.sent == 0
