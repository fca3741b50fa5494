"""The gateway as a server under load: its database, a catalogue that contains the corpus, a key, and the process.

`python -m gateway serve` is configured by environment variables, and all requests to it go over HTTP.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from benchmarks.corpus import NAME, Corpus
from benchmarks.processes import free_port, running
from benchmarks.target import Target, ask, request
from gateway.assembly.backends import Backends, open_backends
from gateway.catalog import MediaFile, NewMedia, Owner
from gateway.db.embedded.shared_server import embedded_postgres
from gateway.demo.corpus import seed_synthetic
from gateway.keys import issue_key
from gateway.settings.load import load

LISTED: Final = 200
"""Synthetic recordings in the catalogue, for the list."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A filled catalogue: its database, the media file of the corpus, and a key that may read it."""

    folder: Path
    database_url: str
    database_pid: int
    key: str
    recording_id: int
    media_file_id: int

    @property
    def raw_path(self) -> str:
        return f"/recordings/{self.recording_id}/media/{self.media_file_id}/raw"


@contextmanager
def installed(folder: Path, corpus: Corpus) -> Iterator[Installation]:
    """An installation in the folder, with PostgreSQL running. The corpus is in `folder/media` already."""
    with running_postgres(folder / "postgres") as (runner, url):
        pid = int((folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
        yield runner.run(_fill(folder, corpus, url, pid))


@contextmanager
def running_postgres(folder: Path) -> Iterator[tuple[asyncio.Runner, str]]:
    """The runner of the event loop that keeps an embedded PostgreSQL running, and its URL."""
    postgres = embedded_postgres(folder)
    with asyncio.Runner() as runner:
        url = runner.run(postgres.__aenter__())
        try:
            yield runner, url
        finally:
            runner.run(postgres.__aexit__(None, None, None))


async def _fill(folder: Path, corpus: Corpus, url: str, database_pid: int) -> Installation:
    """Create the schema, a user with a key, the corpus's media file, and recordings to list."""
    async with open_backends(load(None, _environ(folder, url))) as backends:
        owner = Owner(await backends.api_keys.ensure_user("benchmark@localhost"))
        key, _ = await issue_key(backends.api_keys, owner)
        media = await _register(backends, owner, corpus)
        await seed_synthetic(backends.catalog, backends.storages["synthetic"], owner, LISTED)
    return Installation(folder, url, database_pid, key, media.recording_id, media.id)


async def _register(backends: Backends, owner: Owner, corpus: Corpus) -> MediaFile:
    async with backends.storages["local"].adapter.open(NAME) as stored:
        stat = stored.stat
    new = NewMedia(
        type="audio",
        format="wav",
        content_type="audio/wav",
        storage="local",
        object_key=NAME,
        size=corpus.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
    )
    media, _ = await backends.catalog.register(owner, new, name="corpus")
    return media


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    installation: Installation
    pid: int
    port: int
    log: Path

    def at(self, server: str, path: str, *, with_key: bool = True) -> Target:
        """A path of the gateway, which tables call `server`."""
        headers = {"X-API-Key": self.installation.key} if with_key else {}
        return Target(server, self.pid, self.port, path, self.log, headers, self.installation.database_pid)

    def by_key(self) -> Target:
        return self.at("seekgate, key", self.installation.raw_path)

    def by_signed_url(self) -> Target:
        """The corpus by a playback URL, without a key."""
        asking = self.at("seekgate", self.installation.raw_path.removesuffix("raw") + "playback-url")
        url = urlsplit(json.loads(ask(asking, method="POST").body)["url"])
        return self.at("seekgate, signed URL", f"{url.path}?{url.query}", with_key=False)


@contextmanager
def running_gateway(
    installation: Installation, *, workers: int, cores: Sequence[int], settings: dict[str, str] | None = None
) -> Iterator[Gateway]:
    """`python -m gateway serve`, with access log and metrics as by default; `settings` are SEEKGATE_… variables."""
    port = free_port()
    environ = _environ(installation.folder, installation.database_url) | {
        "SEEKGATE_SERVER__PORT": str(port),
        "SEEKGATE_SERVER__WORKERS": str(workers),
        **(settings or {}),
    }
    log = installation.folder / f"seekgate-{port}.log"
    command = [sys.executable, "-m", "gateway", "serve"]
    with running(command, environ, cores=cores, log=log, is_ready=lambda: _is_ready(port)) as pid:
        yield Gateway(installation, pid, port, log)


def _is_ready(port: int) -> bool:
    """Whether /readyz says so: the port can be open before the workers have started."""
    try:
        return request(port, "/readyz").status == 200
    except (OSError, HTTPException):
        return False


def _environ(folder: Path, database_url: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    return inherited | {
        "SEEKGATE_DATA_DIR": str(folder),
        "SEEKGATE_DATABASE__URL": database_url,
        "SEEKGATE_STORAGES__SYNTHETIC__KIND": "synthetic",
        # Requests are counted, as by default, but not refused.
        "SEEKGATE_RATE_LIMITS__REQUESTS_PER_MINUTE": "1000000",
        "SEEKGATE_RATE_LIMITS__BURST": "1000000",
        "SEEKGATE_DELIVERY__MAX_STREAMS_PER_KEY": "10000",
    }


def count_transactions(database_url: str) -> int:
    """Transactions in the installation's database, as PostgreSQL counts them; the count lags by up to 10 s."""
    return asyncio.run(_count_transactions(database_url))


async def _count_transactions(database_url: str) -> int:
    # Connect to another database, so that this query is not counted.
    connection = await asyncpg.connect(database_url, database="template1")
    try:
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()
