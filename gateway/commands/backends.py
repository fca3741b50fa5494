"""The way from a command to the catalogue, the keys and the storages.

Knows: which trouble is to be expected, and how to tell it in one line.
Refuses to know: how backends are put together; `gateway/backends.py` does that.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from gateway.backends import Backends, open_backends
from gateway.config import Config
from gateway.db.pool import DatabaseUnavailable
from gateway.errors import Refusal
from storage_adapters.base import StorageError

T = TypeVar("T")


def run_with_backends(config: Config, work: Callable[[Backends], Awaitable[T]]) -> T:
    """What `work` returns; expected trouble ends the command with one line and code 1."""

    async def run() -> T:
        async with open_backends(config) as backends:
            return await work(backends)

    with told_plainly():
        return asyncio.run(run())


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn expected trouble into a line on stderr and exit code 1."""
    try:
        yield
    except (DatabaseUnavailable, Refusal, StorageError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        hint = "; choose another with --port" if error.errno == errno.EADDRINUSE else ""
        raise click.ClickException(f"{error}{hint}") from error
