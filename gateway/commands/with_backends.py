"""Runs a command with open backends (catalogue, keys, storage); an expected error becomes one line."""

import asyncio
import errno
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import click

from gateway.assembly.backends import Backends, open_backends
from gateway.commands.options import WrongConfig, config_option, read_config
from gateway.db.pool import DatabaseUnavailable
from gateway.errors import Refusal
from gateway.settings.load import Config
from storage_adapters.base import StorageError

_IN_USE: Final = (
    "; if a gateway there is still stopping, start this one when it has ended;"
    " else choose another with --port or SEEKGATE_SERVER__PORT"
)

P = ParamSpec("P")
T = TypeVar("T")


def with_backends(command: Callable[Concatenate[Backends, P], Awaitable[T]]) -> Callable[..., T]:
    """Turn an asynchronous function into a command: adds --config, and passes the open backends as the first argument."""

    @config_option
    @wraps(command)
    def run(config_path: Path | None, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_with_backends(read_config(config_path), lambda backends: command(backends, *args, **kwargs))

    return run


def run_with_backends(config: Config, work: Callable[[Backends], Awaitable[T]]) -> T:
    """Return the result of `work`; an expected error ends the command with one line and its exit code."""

    async def run() -> T:
        async with AsyncExitStack() as stack:
            with wrong_options_reported():
                backends = await stack.enter_async_context(open_backends(config))
            return await work(backends)

    with expected_errors_reported():
        return asyncio.run(run())


@contextmanager
def expected_errors_reported() -> Iterator[None]:
    """Turn an expected error into a line on stderr and exit code 1."""
    try:
        yield
    except (DatabaseUnavailable, Refusal, StorageError) as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        # The reader of our output has closed it. Flushing the buffer at exit must not report that as an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        raise click.ClickException(f"{error}{_IN_USE if error.errno == errno.EADDRINUSE else ''}") from error


@contextmanager
def wrong_options_reported() -> Iterator[None]:
    """Turn the ValueError of a storage backend that cannot use its options into exit code 2.

    Use it only around code that opens backends: anywhere else a ValueError is a bug and keeps its traceback.
    """
    try:
        yield
    except ValueError as error:
        raise WrongConfig(str(error)) from error
