"""One worker process: a fresh interpreter that serves on sockets which it inherits."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Final

from gateway.process.listening import Sockets
from gateway.settings.load import Config

# What a worker process runs. It sends None over the connection once it serves. It drains on SIGTERM, and when the
# connection ends: then it has a successor, or the supervisor has ended, and it accepts no more connections.
Work = Callable[[Config, Sockets, Connection], None]

START_SECONDS: Final = 60.0

# A fresh interpreter each time: new workers run the code that is on disk now, and share no thread or lock.
_processes: Final = multiprocessing.get_context("spawn")
# A new interpreter must not look for modules in the folder where the gateway was started: anyone may have put one there.
# Its search path is this process's, which multiprocessing passes on.
os.environ["PYTHONSAFEPATH"] = "1"


class WorkerFailed(Exception):
    """A worker ended, or took too long, before it served."""


class Worker:
    """One worker process."""

    def __init__(self, work: Work, config: Config, sockets: Sockets) -> None:
        self._ready, theirs = _processes.Pipe()
        self._process: BaseProcess = _processes.Process(target=work, args=(config, sockets, theirs))
        self._process.start()
        theirs.close()
        self.started = monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    async def ready(self) -> None:
        """Return once the worker serves; raises WorkerFailed."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await _readable(self._ready.fileno())
            self._ready.recv()
        except (TimeoutError, EOFError):
            raise WorkerFailed(f"worker {self.pid} did not start") from None

    async def ended(self) -> int | None:
        """Wait until the worker has ended, and return its exit code."""
        await _readable(self._process.sentinel)
        self._process.join()
        return self._process.exitcode

    def drain(self) -> None:
        self._process.terminate()

    def hand_over(self) -> None:
        """Let the worker drain, and leave new connections to its successor."""
        self._ready.close()

    def kill(self) -> None:
        self._process.kill()


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(fd, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(fd)
