"""From a Config to a running gateway: one process, or several under a supervisor.

Knows: how the process starts, what its signals mean, and what it says. Refuses to know: what is served
(gateway.assembly.site) and how workers are kept (gateway.process.workers).
"""

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from gateway.assembly.backends import open_backends
from gateway.assembly.site import running
from gateway.process.drain import Drain
from gateway.process.listening import Sockets, base_url, open_sockets
from gateway.process.workers import Supervisor
from gateway.settings.load import Config
from gateway.telemetry.observability import configure_logging

Announce = Callable[[str], None]

_OPEN_FILES: Final = 65_536

_log: Final = logging.getLogger(__name__)


def serve(config: Config, announce: Announce | None = None, reload: Callable[[], Config] | None = None) -> int:
    """Run until SIGTERM or SIGINT, then drain; the exit code.

    `announce` is called with the base URL once it is served; `reload` reads the settings again on SIGHUP (several
    workers only). Raises OSError if a port cannot be had, WorkerFailed, and what `open_backends` raises.
    """
    configure_logging(config.logging.level)
    _allow_many_files()
    with ExitStack() as stack:
        sockets = open_sockets(config, stack)
        announced = partial(_announce, base_url(config, sockets[0]), announce)
        if len(sockets) == 1:
            uvloop.run(_serve(config, sockets[0], announced))
        else:
            _share_metrics(stack)
            asyncio.run(_supervise(config, sockets, announced, reload or (lambda: config)))
    return 0


def _allow_many_files() -> None:
    """Raise this process's limit on open files, which its workers inherit, as far as it may by itself.

    The usual 1,024 are fewer than the connections, open files and slices that are allowed for by default.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _announce(url: str, announce: Announce | None) -> None:
    if announce is not None:
        announce(url)
    _log.info("listening", extra={"url": url})


async def _supervise(
    config: Config, sockets: list[Sockets], announced: Callable[[], None], reload: Callable[[], Config]
) -> None:
    # Opened here too: trouble is told once and plainly, and the embedded PostgreSQL outlives any worker.
    async with open_backends(config):
        await Supervisor(_work, config, sockets, reload).run(announced)


def _work(config: Config, sockets: Sockets, supervisor: Connection) -> None:
    """A worker process, from its first line to its last."""
    configure_logging(config.logging.level)
    uvloop.run(_serve(config, sockets, partial(supervisor.send, None), supervisor.fileno()))


async def _serve(config: Config, sockets: Sockets, serving: Callable[[], None], supervisor: int | None = None) -> None:
    drain = Drain()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain.request)
    if supervisor is not None:
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        loop.add_reader(supervisor, drain.request)
    async with running(config, sockets, drain):
        serving()
        await drain.wait()
        if supervisor is not None:
            loop.remove_reader(supervisor)


def _share_metrics(stack: ExitStack) -> None:
    """Have the workers keep their metrics where each can read all: prometheus_client's multi-process mode."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(TemporaryDirectory(prefix="seekgate-metrics-"))
