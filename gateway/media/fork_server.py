"""Starts decoding processes. A fork server that has imported everything (`decoding.forking`) forks one for each job.

The fork server is started with the first job, and again if it has ended. It ends when this process does, because the
other end of its standard input is closed then. Its processes can import only the gateway and its libraries.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from threading import Thread
from typing import Final

import gateway
from gateway.media.messages import STARTED

# The only environment variables passed on: without them an interpreter in an unusual place cannot find its libraries.
_INHERITED: Final = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# The libraries that a process imports, besides the standard library and this gateway.
_LIBRARIES: Final = ("av", "orjson")
_RECEIVED_BYTES: Final = 1 << 16
# A server that is killed takes its processes along, so it has ended, or is about to, when the end of one is seen.
_ENDING_SECONDS: Final = 0.1


class DecodingProcess:
    """A decoding process, as the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    async def send(self, content: bytes | memoryview) -> None:
        """Send these bytes. Raises ConnectionError if the process has ended."""
        await self._loop.sock_sendall(self._connection, content)

    async def receive(self, length: int) -> bytes:
        """The next bytes. Raises EOFError or ConnectionError if the process has ended before it sent them."""
        content = bytearray(length)
        missing = memoryview(content)
        while missing:
            count = await self._loop.sock_recv_into(self._connection, missing)
            if not count:
                raise EOFError("the process has ended")
            missing = missing[count:]
        return bytes(content)

    async def end(self) -> None:
        """Kill the process, and wait until it has ended."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            while await self._loop.sock_recv(self._connection, _RECEIVED_BYTES):
                pass


class ForkServer:
    """Forks processes from one that runs `program`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program
        self._requests: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @asynccontextmanager
    async def process(self) -> AsyncGenerator[DecodingProcess]:
        """A new process, which is killed at the end of the block.

        Raises ChildProcessError if none can be started, or if the fork server was killed and took the process along.
        """
        try:
            connection, server = await self._fork_twice()
        except (OSError, EOFError) as error:
            raise ChildProcessError("no process can be forked") from error
        with connection:
            process = DecodingProcess(connection)
            try:
                yield process
            except (EOFError, ConnectionError) as error:
                if await asyncio.to_thread(_was_killed, server):
                    raise ChildProcessError("the fork server was killed") from error
                raise
            finally:
                await process.end()

    async def _fork_twice(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        try:
            return await self._fork()
        except EOFError:  # a server that was killed did not take the request; now another server is started
            return await self._fork()

    async def _fork(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        """The connection to a process that has started, and its server.

        Raises OSError, or EOFError if the server ended or cannot fork.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                server = self._request_process(theirs)
            ours.settimeout(0)
            await DecodingProcess(ours).receive(len(STARTED))
        except BaseException:
            ours.close()
            raise
        return ours, server

    def _request_process(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        """Ask the server, or a new one if it has ended, for a process. Returns the server."""
        if self._requests is not None and self._server is not None:
            with suppress(ConnectionError):  # the server has ended
                socket.send_fds(self._requests, [b"\0"], [connection.fileno()])
                return self._server
            self._requests.close()
            self._requests = None
        self._requests, self._server = self._start()
        socket.send_fds(self._requests, [b"\0"], [connection.fileno()])
        return self._server

    def _start(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        """A new server, after the connection over which it receives requests."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as stack:
            stack.push(ours)
            server = subprocess.Popen(  # noqa: S603 - a command of our own
                self._program,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                cwd="/",
            )
            stack.pop_all()
        Thread(target=server.wait, name="fork server", daemon=True).start()  # reaps it
        ours.settimeout(0)
        return ours, server


def _was_killed(server: subprocess.Popen[bytes]) -> bool:
    try:
        return server.wait(_ENDING_SECONDS) < 0
    except subprocess.TimeoutExpired:
        return False


def _folders() -> tuple[str, ...]:
    """The folders where this gateway and _LIBRARIES are installed; the working directory is not searched."""
    started_in = Path.cwd()
    trusted = [entry for entry in sys.path if entry and Path(entry).resolve() != started_in]
    found = (PathFinder.find_spec(name, trusted) for name in _LIBRARIES)
    libraries = (str(Path(each.origin).parent.parent) for each in found if each is not None and each.origin is not None)
    own = str(Path(gateway.__file__).resolve().parent.parent)
    return tuple(dict.fromkeys((own, *libraries)))


def program_of(module: str) -> tuple[str, ...]:
    """The command that runs the module's `main` in a process of its own.

    The options -I and -S leave only the standard library of the interpreter's own search path.
    """
    boot = f"import sys; sys.path += sys.argv[1:]; from {module} import main; main()"
    return (sys.executable, "-I", "-S", "-c", boot, *_folders())


DECODING: Final = ForkServer(program_of("gateway.media.decoding.process"))
"""The processes that decode media files and parse long transcripts."""
