"""Applies the schema: `schema.sql` to an empty database, the numbered migrations of this folder to an older one.

The table schema_version holds the number of each version that the database has. Version 1 is the schema of the first
release; every other number is a file `NNNN_name.sql` here. A file is applied in one transaction, in the order of the
numbers, by one process at a time. Its first line says whether gateways that do not know it keep working beside it:
`-- Older gateways keep working: WHY` or `-- Older gateways stop working: WHY`.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.db.pool import TROUBLE, DatabaseUnavailable
from gateway.settings.documents import read_text

FIRST_VERSION: Final = 1
# A migration may rewrite a large table; the other gateways wait for it at most this long.
MIGRATION_TIMEOUT_SECONDS: Final = 3600.0
# A migration that waits for a lock makes every later query wait after it. It gives up early and tries again.
LOCK_ATTEMPTS: Final = 60
LOCK_RETRY_SECONDS: Final = 1.0

FILE_NAME: Final = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
FIRST_LINE: Final = re.compile(r"-- Older gateways (keep|stop) working: .+")

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: the SQL that leads to version `number`, and whether programs that do not know it work beside it."""

    number: int
    name: str
    sql: str
    older_programs_work: bool

    @property
    def file_name(self) -> str:
        return f"{self.number:04}_{self.name}.sql"


def load_migrations(folder: Path = Path(__file__).parent) -> tuple[Migration, ...]:
    """The migrations of the folder, by number. Raises ValueError if one is misnamed or lacks its first line."""
    found = sorted((_load(path) for path in folder.glob("*.sql")), key=lambda each: each.number)
    return tuple(found)


def _load(path: Path) -> Migration:
    name, sql = FILE_NAME.fullmatch(path.name), path.read_text("utf-8")
    first_line = FIRST_LINE.fullmatch(sql.partition("\n")[0])
    if name is None or first_line is None:
        raise ValueError(f"{path.name}: a migration is named NNNN_name.sql and says first whether older gateways work")
    return Migration(int(name[1]), name[2], sql, first_line[1] == "keep")


async def pending_migrations(pool: asyncpg.Pool) -> tuple[Migration, ...] | None:
    """The migrations that `migrate` would apply; None for an empty database, which gets `schema.sql`.

    Raises the same errors as `migrate`.
    """
    try:
        async with pool.acquire() as connection:
            return await _pending(connection, load_migrations())
    except (*TROUBLE, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"The schema cannot be read: {error}") from error


async def migrate(pool: asyncpg.Pool, migrations: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """Bring the database to the newest version, and return the migrations that this call applied.

    If several processes call it, one migrates and the others wait; a database that has every version is only read.
    Raises DatabaseUnavailable if a newer seekgate made the database, or if the role may not change tables.
    """
    known = load_migrations() if migrations is None else migrations
    applied: list[Migration] = []
    try:
        while step := await _apply_next(pool, known):
            applied += step
    except (*TROUBLE, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"The schema cannot be applied: {error}") from error
    return tuple(applied)


async def create_in_transaction(connection: PoolConnectionProxy) -> None:
    """Apply `schema.sql` to an empty database inside the caller's transaction, so that it can be rolled back.

    Raises DatabaseUnavailable if a database lacks migrations: they would hold their locks as long as the transaction.
    """
    pending = await _pending(connection, load_migrations())
    if pending is None:
        await connection.execute(read_text("schema.sql"), timeout=MIGRATION_TIMEOUT_SECONDS)
    elif pending:
        raise DatabaseUnavailable("The database has an older schema: apply `seekgate migrate` first")


async def _apply_next(pool: asyncpg.Pool, known: Sequence[Migration]) -> Sequence[Migration]:
    """Apply the first pending migration, or `schema.sql` and with it all; nothing if none is pending."""
    async with pool.acquire() as connection:
        if await _pending(connection, known) == ():
            return ()
    for attempt in range(LOCK_ATTEMPTS):
        try:
            return await _apply_locked(pool, known)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            _log.warning("the migration waits for other transactions", extra={"attempt": attempt + 1})
            await asyncio.sleep(LOCK_RETRY_SECONDS)
    return await _apply_locked(pool, known)


# Any fixed number: it only has to be the same in every seekgate. The lock ends with the transaction.
LOCK_SCHEMA: Final = "SELECT pg_advisory_xact_lock(7357462895)"
LIMIT_LOCK_WAIT: Final = "SELECT set_config('lock_timeout', '3s', true)"


async def _apply_locked(pool: asyncpg.Pool, known: Sequence[Migration]) -> Sequence[Migration]:
    async with pool.acquire() as connection, connection.transaction(isolation="read_committed"):
        await connection.execute(LOCK_SCHEMA, timeout=MIGRATION_TIMEOUT_SECONDS)
        return await _apply_first(connection, known)


async def _apply_first(connection: PoolConnectionProxy, known: Sequence[Migration]) -> Sequence[Migration]:
    """Apply the first pending migration, or `schema.sql` and with it all; the transaction holds the lock."""
    pending = await _pending(connection, known)
    if pending == ():
        return ()
    await connection.execute(LIMIT_LOCK_WAIT)
    if pending is None:
        await connection.execute(read_text("schema.sql"), timeout=MIGRATION_TIMEOUT_SECONDS)
        await _record(connection, {FIRST_VERSION: True} | {each.number: each.older_programs_work for each in known})
        return known
    first = pending[0]
    await connection.execute(first.sql, timeout=MIGRATION_TIMEOUT_SECONDS)
    await _record(connection, {first.number: first.older_programs_work})
    _log.info("the database was migrated", extra={"version": first.number, "migration": first.name})
    return (first,)


RECORD_VERSION: Final = "INSERT INTO schema_version (version, older_programs_work) VALUES ($1, $2)"


async def _record(connection: PoolConnectionProxy, versions: Mapping[int, bool]) -> None:
    await connection.executemany(RECORD_VERSION, versions.items())


# Not to_regclass(): inside a transaction that waited for the lock, it may still answer from before the wait.
FIND_SCHEMA: Final = """
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'schema_version' AND n.nspname = ANY (current_schemas(false))
"""
# As rows of JSON, because the table of version 1 lacks the column `older_programs_work`.
LIST_VERSIONS: Final = """
    SELECT version, coalesce((to_jsonb(v) ->> 'older_programs_work')::boolean, false) FROM schema_version v
"""


async def _pending(connection: PoolConnectionProxy, known: Sequence[Migration]) -> tuple[Migration, ...] | None:
    """The migrations that the database lacks; None if it has no version at all."""
    if await connection.fetchval(FIND_SCHEMA) is None:
        return None
    versions: dict[int, bool] = dict(map(tuple, await connection.fetch(LIST_VERSIONS)))
    if not versions:
        return None
    _check_known(versions, {FIRST_VERSION, *(each.number for each in known)})
    return tuple(each for each in known if each.number not in versions)


def _check_known(versions: Mapping[int, bool], known: Iterable[int]) -> None:
    """Raise DatabaseUnavailable if a newer seekgate changed the database so that this one would not work on it."""
    newest = max(known)
    newer = sorted(number for number, older_programs_work in versions.items() if number not in known)
    if any(not versions[number] for number in newer):
        raise DatabaseUnavailable(
            f"A newer seekgate made this database: it has schema version {newer[-1]}, and this seekgate knows versions"
            f" up to {newest}. Upgrade seekgate"
        )
    if newer:
        _log.info("a newer seekgate migrated the database; this one keeps working", extra={"versions": newer})
    if FIRST_VERSION not in versions:
        raise DatabaseUnavailable(
            f"The database has schema versions {sorted(versions)} without version {FIRST_VERSION}:"
            " restore the table schema_version from a backup"
        )
