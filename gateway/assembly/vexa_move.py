"""Opens Vexa's database, ours and the storage backends for a move from Vexa. No gateway is started."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.assembly.backends import open_storages
from gateway.catalog import MoveTarget, VexaSource
from gateway.db.database import open_database
from gateway.db.vexa_move.move_target import open_target
from gateway.db.vexa_move.vexa_source import open_vexa
from gateway.imports.vexa_deployment.media_preparation import Probe
from gateway.imports.vexa_deployment.meeting_moves import MAX_CONCURRENT_PROBES
from gateway.media.prober import Prober
from gateway.settings.load import Config
from gateway.storage import Storage

PROBE_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True)
class MoveBackends:
    """Both sides of a move."""

    source: VexaSource
    target: MoveTarget
    storages: Mapping[str, Storage]
    probe: Probe


@asynccontextmanager
async def open_move(config: Config, vexa_url: str, *, dry_run: bool) -> AsyncGenerator[MoveBackends]:
    """Open both databases and every storage backend; what a dry run writes is rolled back at the end.

    Raises DatabaseUnavailable, StorageError, ValueError (unusable options) or OSError.
    """
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(open_vexa(vexa_url))
        storages = await stack.enter_async_context(open_storages(config))
        _, pool = await stack.enter_async_context(open_database(config))
        target = await stack.enter_async_context(open_target(pool, dry_run=dry_run))
        # A file whose headers do not contain its duration is read to its end, even from a bucket.
        prober = Prober(max_concurrent=MAX_CONCURRENT_PROBES, seconds=PROBE_SECONDS)
        yield MoveBackends(source, target, storages, prober.probe)
