"""Opens the database that the settings name: the embedded PostgreSQL, or the one at a URL."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from gateway.db.embedded.shared_server import embedded_postgres
from gateway.db.migrations import migrate, pending_migrations
from gateway.db.pool import open_pool
from gateway.settings.load import Config


@asynccontextmanager
async def open_database(config: Config) -> AsyncGenerator[tuple[str, asyncpg.Pool]]:
    """The URL to listen at and a pool of connections to the database, whatever its schema.

    Raises DatabaseUnavailable.
    """
    database = config.database
    async with AsyncExitStack() as stack:
        url = database.url
        if url == "embedded":
            url = await stack.enter_async_context(embedded_postgres(config.data_dir / "postgres"))
        pool = open_pool(
            url,
            min_size=database.pool_min_size,
            max_size=database.pool_max_size,
            command_timeout_seconds=database.command_timeout_seconds,
        )
        yield database.listen_url or url, await stack.enter_async_context(pool)


async def migrate_database(config: Config, *, dry_run: bool) -> tuple[str, ...]:
    """Apply `schema.sql` or the migrations that the database lacks; with `dry_run` only return their file names.

    Raises DatabaseUnavailable.
    """
    async with open_database(config) as (_, pool):
        pending = await pending_migrations(pool)
        if not dry_run:
            await migrate(pool)
    return ("schema.sql",) if pending is None else tuple(each.file_name for each in pending)
