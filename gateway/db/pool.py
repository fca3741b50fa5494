"""The connection pool, its codecs, and the errors of asyncpg that mean that the database cannot be reached.

The modules of `gateway.db` take each connection through `connected`, which turns these errors into Unavailable.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.errors import Fault, Invalid, Unavailable

CONNECT_TIMEOUT_SECONDS: Final = 10.0
ACQUIRE_TIMEOUT_SECONDS: Final = 10.0
CLOSE_TIMEOUT_SECONDS: Final = 10.0
STATEMENTS: Final = 100
BIGINT_MAX: Final = 2**63 - 1

# The errors of a server that is lost, refused, overloaded or restarting, and of a transaction that lost a race: the same
# call may succeed later.
TROUBLE: Final = (
    OSError,  # TimeoutError is one: a command or a wait for a connection took too long
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a database closed for maintenance
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,  # the connection leads to what became a standby
    asyncpg.TransactionRollbackError,
)


class DatabaseUnavailable(Exception):
    """The database cannot be used. The text names it without its password and says why."""


@asynccontextmanager
async def open_pool(
    url: str, *, min_size: int, max_size: int, command_timeout_seconds: float
) -> AsyncGenerator[asyncpg.Pool]:
    """A pool of connections to the PostgreSQL at `url`, or to a pooler in front of it, closed at the end.

    Raises DatabaseUnavailable if `min_size` connections cannot be opened.
    """
    pooled = await _is_pooled(url)
    pool = asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max(min_size, max_size),
        command_timeout=command_timeout_seconds,
        timeout=CONNECT_TIMEOUT_SECONDS,
        init=_set_codecs,
        reset=_skip_reset,
        server_settings={"application_name": "seekgate"},
        # A pooler may run each transaction on another connection, where a named statement does not exist.
        statement_cache_size=0 if pooled else STATEMENTS,
    )
    try:
        with _named(url):
            await pool
        yield pool
    finally:
        await _close(pool)


@asynccontextmanager
async def connected(pool: asyncpg.Pool) -> AsyncGenerator[PoolConnectionProxy]:
    """A connection for one call. Raises Unavailable if the database cannot be reached."""
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
            yield connection
    except TROUBLE as error:
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            # This server is no longer the primary: the next connections go to the one that is.
            await pool.expire_connections()
        # A cancelled task returns its connection, which may fail while the server hangs. The task stays cancelled.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from error
        raise Unavailable("The catalogue cannot be reached", retry_after_seconds=5) from error


class Tables:
    """The base of the classes that read and write our tables. Each call takes its own connection from the pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[PoolConnectionProxy]:
        async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
            yield connection

    async def _run(self, statement: str, *arguments: object) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(statement, *arguments)

    async def _value(self, statement: str, *arguments: object) -> Any:
        """The first column of the first row; None without a row."""
        async with connected(self._pool) as connection:
            return await connection.fetchval(statement, *arguments)

    async def _row(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        async with connected(self._pool) as connection:
            return await connection.fetchrow(statement, *arguments)

    async def _rows(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        async with connected(self._pool) as connection:
            return await connection.fetch(statement, *arguments)


def storable(*values: int | str | None) -> bool:
    """Whether PostgreSQL can represent these values as bigint and text; if not, no row contains them.

    Clients may send NUL, lone surrogates, and integers of any length.
    """
    return all(_storable(value) for value in values)


def _storable(value: int | str | None) -> bool:
    if isinstance(value, int):
        return abs(value) <= BIGINT_MAX
    return value is None or ("\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value))


@contextmanager
def require_storable(field: str) -> Iterator[None]:
    """Raise Invalid, with a fault of `field`, if the block writes a value that the database cannot store, such as a NUL."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.CheckViolationError) as error:
        raise Invalid(Fault("unstorable", (field,), "The catalogue cannot store this")) from error


FIND_SERVER_PROCESS: Final = "SELECT pg_backend_pid()"


async def _is_pooled(url: str) -> bool:
    """Whether the URL leads to a pooler such as pgbouncer: the process id that it announces is not the server's."""
    with _named(url):
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0)
        try:
            answering = await connection.fetchval(FIND_SERVER_PROCESS, timeout=CONNECT_TIMEOUT_SECONDS)
            return bool(answering != connection.get_server_pid())
        finally:
            await connection.close(timeout=CLOSE_TIMEOUT_SECONDS)


@contextmanager
def _named(url: str) -> Iterator[None]:
    """Turn the errors of connecting into DatabaseUnavailable, which names the database without its password."""
    try:
        yield
    except ValueError:
        # The error's text may quote a part of the password that looked like a port.
        raise DatabaseUnavailable("The database URL is malformed") from None
    except (*TROUBLE, asyncpg.PostgresError) as error:
        reason = str(error) or type(error).__name__
        raise DatabaseUnavailable(f"The database {public_name(url)} cannot be used: {reason}") from error


def public_name(url: str) -> str:
    """Host, port and database of the URL, without user and password, for messages."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}" or "at its default place"


async def _close(pool: asyncpg.Pool) -> None:
    """Wait a bounded time for connections in use, then close them."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _set_codecs(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )


async def _skip_reset(_connection: asyncpg.Connection) -> None:
    """Skip the reset of a returned connection: nothing here changes session state, and a reset costs a round trip."""
