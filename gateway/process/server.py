"""Runs a gateway from a Config: in one process, or in several under a supervisor (gateway/process/workers.py).

SIGTERM, SIGINT  drain, then end
SIGHUP           several workers read the settings again; a single worker ignores it, because no other could take over
"""

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import uvloop

from gateway.process.drain import Drain
from gateway.process.listening import Sockets, base_url, open_sockets
from gateway.process.workers import Supervisor
from gateway.settings.load import Config
from gateway.telemetry.log_lines import configure_logging
from gateway.telemetry.metrics import forget_process

Announce = Callable[[str], None]

_OPEN_FILES: Final = 65_536

_log: Final = logging.getLogger(__name__)


class Site(NamedTuple):
    """Two context managers that run the gateway. They are functions of a module, so that a new process can import them.

    `running` serves on the sockets and drains when its block ends; `open_backends` opens the database and the rest.
    """

    running: Callable[[Config, Sockets, Drain], AbstractAsyncContextManager[None]]
    open_backends: Callable[[Config], AbstractAsyncContextManager[Any]]


def serve(
    site: Site, config: Config, announce: Announce | None = None, reload: Callable[[], Config] | None = None
) -> int:
    """Run until SIGTERM or SIGINT, then drain; returns the exit code.

    `announce` is called with the base URL once the gateway serves; `reload` reads the settings again on SIGHUP (several
    workers only). Raises OSError if a port is not available, WorkerFailed, and what `open_backends` raises.
    """
    # By default SIGHUP ends the process, and it may arrive before a handler is installed.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    configure_logging(config.logging.level)
    _allow_many_files()
    with ExitStack() as stack:
        sockets = open_sockets(config, stack)
        announced = partial(_announce, base_url(config, sockets[0]), announce)
        if len(sockets) == 1:
            uvloop.run(_serve(site, config, sockets[0], announced))
        else:
            _share_metrics(stack)
            asyncio.run(_supervise(site, config, sockets, announced, reload or (lambda: config)))
    return 0


def _allow_many_files() -> None:
    """Raise the limit on open files of this process, which its workers inherit, as far as its hard limit allows.

    The usual 1,024 are fewer than the connections, open files and slices that the default settings allow.
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
    site: Site, config: Config, sockets: list[Sockets], announced: Callable[[], None], reload: Callable[[], Config]
) -> None:
    # Opened here too, so that a fault is reported once and plainly, and the embedded PostgreSQL outlives any worker.
    async with site.open_backends(config):
        await Supervisor(partial(_work, site), config, sockets, reload, forget_process).run(announced)


def _work(site: Site, config: Config, sockets: Sockets, supervisor: Connection) -> None:
    """The main function of a worker process."""
    configure_logging(config.logging.level)
    uvloop.run(_serve(site, config, sockets, partial(report_ready, supervisor), supervisor.fileno()))


def report_ready(supervisor: Connection) -> None:
    """Report that this worker serves. A supervisor that has ended or has replaced it needs no report."""
    with suppress(ConnectionError):
        supervisor.send(None)


async def _serve(
    site: Site, config: Config, sockets: Sockets, serving: Callable[[], None], supervisor: int | None = None
) -> None:
    drain = Drain()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain.request)
    if supervisor is not None:
        loop.add_reader(supervisor, drain.hand_over)
    else:
        loop.add_signal_handler(signal.SIGHUP, _refuse_reload)
    async with site.running(config, sockets, drain):
        # A full garbage collection stops the loop for as long as it takes to visit every object: 50 to 90 ms for the
        # 80,000 of the imported modules, which live until the end. From now on it leaves them out. The cycles that imports
        # created (4 MiB) are collected first.
        gc.collect()
        gc.freeze()
        serving()
        await drain.wait()
        if supervisor is not None:
            loop.remove_reader(supervisor)


def _refuse_reload() -> None:
    _log.warning(
        "SIGHUP is ignored: a single worker reads its settings only at its start; set server.workers to 2 or more"
    )


def _share_metrics(stack: ExitStack) -> None:
    """Let the workers write their metrics into a folder that each can read (prometheus_client's multi-process mode)."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(TemporaryDirectory(prefix="seekgate-metrics-"))
