"""A Vexa deployment to move: its database made of an SQL file, its objects in folders, and one run of the move."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import asyncpg

from gateway.assembly.vexa_move import open_move
from gateway.imports.vexa_deployment.deployment_move import BackendMap, DeploymentMove
from gateway.imports.vexa_deployment.move_report import MoveReport
from gateway.imports.vexa_deployment.stored_objects import VexaBackend
from gateway.media.facts import MediaFacts
from gateway.settings.load import Config, load
from storage_adapters.base import StorageUnavailable, StoredObject
from tests.conftest import database_at, scratch_database

FOLDER: Final = Path(__file__).parent
NOW: Final = datetime(2026, 8, 1, tzinfo=UTC)
TABLES: Final = (
    "users", "api_keys", "meetings", "transcript_segments", "recordings", "media_files", "vexa_moves", "signing_keys"
)  # fmt: skip
MAPPED: Final = {"minio": "bucket", "s3": "bucket", "local": "old"}


# The databases that were made of a file, by server and file; each is copied from then on.
_templates: Final[dict[tuple[str, str], str]] = {}


@asynccontextmanager
async def vexa_database(server: str, file: str) -> AsyncGenerator[str]:
    """The URL of a new database with the content of this file."""
    if (server, file) not in _templates:
        _templates[server, file] = await _make_template(server, file)
    async with scratch_database(server, template=_templates[server, file]) as url:
        yield url


async def _make_template(server: str, file: str) -> str:
    name = f"template_{len(_templates)}_of_vexa"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template1 STRATEGY file_copy")
    await connection.close()
    connection = await asyncpg.connect(database_at(server, name))
    await connection.execute((FOLDER / file).read_text("utf-8"))
    await connection.close()
    return name


def storage_settings(objects: Path) -> dict[str, str]:
    """The folders of `make_objects` as storage backends of ours; the first is the default."""
    return {
        "SEEKGATE_STORAGES__BUCKET__KIND": "local",
        "SEEKGATE_STORAGES__BUCKET__ROOT": str(objects / "bucket"),
        "SEEKGATE_STORAGES__OLD__KIND": "local",
        "SEEKGATE_STORAGES__OLD__ROOT": str(objects / "local"),
        "SEEKGATE_DEFAULT_STORAGE": "bucket",
    }


def settings(folder: Path, database_url: str, objects: Path) -> Config:
    """The settings of a gateway with its data in `folder`."""
    own = {"SEEKGATE_DATA_DIR": str(folder), "SEEKGATE_DATABASE__URL": database_url}
    return load(None, own | storage_settings(objects))


async def move(
    vexa_url: str,
    config: Config,
    *,
    only: frozenset[str] = frozenset(),
    dry_run: bool = False,
    mapped: dict[str, str] | None = None,
    looks: int | None = None,
    join_chunks: bool = False,
) -> MoveReport:
    """One run; with `looks` the storage backend fails after that many objects were examined."""
    async with open_move(config, vexa_url, dry_run=dry_run) as backends:
        left = iter(range(looks)) if looks is not None else repeat(0)

        async def look(stored: StoredObject) -> MediaFacts:
            if next(left, None) is None:
                raise StorageUnavailable("", "the cable was pulled")
            return await backends.probe(stored)

        by_name = {
            vexa: VexaBackend(backends.storages[ours]) for vexa, ours in (MAPPED if mapped is None else mapped).items()
        }
        default = VexaBackend(backends.storages[config.default_storage])
        mapping = BackendMap(by_name, default)
        return await DeploymentMove(
            backends.source, backends.target, mapping, look, NOW, only=only, dry_run=dry_run, join_chunks=join_chunks
        ).run()


async def rows(url: str) -> dict[str, list[Any]]:
    """Everything in our database that a move could change, but for times and ids that no two runs share."""
    changing = "ARRAY['moved_at', 'missing_at']"
    connection = await asyncpg.connect(url)
    try:
        found = {}
        for table in TABLES:
            left_out = f"{changing} || 'id'::text" if table == "api_keys" else changing
            statement = f"SELECT (to_jsonb(t) - ({left_out}))::text FROM {table} t"  # noqa: S608 - names of our own
            found[table] = sorted(text for (text,) in await connection.fetch(statement))
        # A sequence keeps its new value even if its transaction is rolled back.
        found["sequences"] = await connection.fetch("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
        return found
    finally:
        await connection.close()
