"""The supervisor: runs one process for each worker, each with its own listening socket.

a worker dies    another replaces it, after a pause that doubles while workers die soon after their start
SIGTERM, SIGINT  every worker drains; a worker that has not ended by the deadline is killed
SIGHUP           new settings and new code: one worker at a time, the new one ready before the old one drains
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from gateway.process.listening import Sockets
from gateway.process.worker_process import Work, Worker, WorkerFailed
from gateway.settings.load import Config, ConfigError

FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 10.0
# A worker that ran for this long did not fail at its start, so the pause before the next one is short again.
STARTED_SECONDS: Final = 30.0
# How long a worker may take to end after the deadline of draining.
GRACE_SECONDS: Final = 10.0

_log: Final = logging.getLogger(__name__)


class Slot:
    """One worker's sockets, and the worker that serves on them; one that dies is replaced.

    `on_ended` is called with the process id of each worker that has ended.
    """

    def __init__(self, work: Work, config: Config, sockets: Sockets, on_ended: Callable[[int], None]) -> None:
        self._work = work
        self._config = config
        self._sockets = sockets
        self._on_ended = on_ended
        self._worker = Worker(work, config, sockets)
        # The worker that serves, and those that still drain after a reload.
        self._living = {self._worker}
        self._watches = asyncio.TaskGroup()
        self._pause = FIRST_PAUSE_SECONDS
        self._stopping = False

    async def ready(self) -> None:
        """Return once the first worker serves; raises WorkerFailed."""
        await self._worker.ready()

    async def supervise(self) -> None:
        """Replace each worker that dies, until `stop` is called and all workers have ended."""
        async with self._watches:
            self._watch(self._worker)

    def _watch(self, worker: Worker) -> None:
        self._living.add(worker)
        self._watches.create_task(self._await_end(worker))

    async def _await_end(self, worker: Worker) -> None:
        code = await worker.ended()
        self._living.discard(worker)
        if worker.pid is not None:
            self._on_ended(worker.pid)
        if worker is self._worker and not self._stopping:  # otherwise a reload has replaced it
            _log.error("a worker died", extra={"pid": worker.pid, "exit_code": code})
            await self._replace_dead(worker)

    async def _replace_dead(self, dead: Worker) -> None:
        """Start another worker, unless a reload or a stop comes first."""
        if monotonic() - dead.started >= STARTED_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LAST_PAUSE_SECONDS)
            if self._stopping or self._worker is not dead:
                return
            try:
                self._worker = Worker(self._work, self._config, self._sockets)
            except OSError as error:
                _log.error("a worker cannot be started; trying again", extra={"cause": str(error)})
            else:
                self._watch(self._worker)
                return

    async def replace(self, config: Config) -> None:
        """Start a worker with new settings, then drain the old one. Raises WorkerFailed; then the old one stays."""
        new = Worker(self._work, config, self._sockets)
        try:
            await new.ready()
        except BaseException:
            new.kill()
            raise
        old, self._worker, self._config = self._worker, new, config
        self._watch(new)
        old.hand_over()

    def stop(self) -> None:
        self._stopping = True
        self._worker.drain()
        # Connections would wait in their queues even when the worker has closed its own copies.
        self._sockets.close()

    def kill(self) -> None:
        for worker in self._living:
            worker.kill()


class Supervisor:
    """Runs a worker for each of `sockets`. `reload` reads the settings again; for `on_ended` see Slot."""

    def __init__(
        self,
        work: Work,
        config: Config,
        sockets: Sequence[Sockets],
        reload: Callable[[], Config],
        on_ended: Callable[[int], None],
    ) -> None:
        self._config = config
        self._reload = reload
        self._slots = [Slot(work, config, each, on_ended) for each in sockets]
        self._stop = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None

    async def run(self, announce: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; call `announce` once all workers serve. Raises WorkerFailed at the start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        supervised = [asyncio.create_task(slot.supervise()) for slot in self._slots]
        try:
            await asyncio.gather(*(slot.ready() for slot in self._slots))
            announce()
            await self._stop.wait()
        finally:
            await self._stop_all(supervised)

    def _on_reload(self) -> None:
        if self._stop.is_set():  # the sockets that a new worker would serve on are closed
            _log.warning("SIGHUP is ignored: the gateway is stopping")
        elif self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._replace_all())

    async def _replace_all(self) -> None:
        try:
            config = self._reload()
            for slot in self._slots:
                await slot.replace(config)
        except (ConfigError, WorkerFailed, OSError) as error:
            _log.error("the reload failed, the old settings stay", extra={"cause": str(error)})
        else:
            self._config = config
            _log.info("reloaded", extra={"workers": len(self._slots)})

    async def _stop_all(self, supervised: Sequence[asyncio.Task[None]]) -> None:
        if self._reloading is not None:
            self._reloading.cancel()
        for slot in self._slots:
            slot.stop()
        deadline = self._config.server.drain_timeout_seconds + GRACE_SECONDS
        _, late = await asyncio.wait(supervised, timeout=deadline)
        for slot in self._slots if late else ():
            slot.kill()
        await asyncio.wait(supervised)
