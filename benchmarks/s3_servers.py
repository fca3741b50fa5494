"""The servers in front of a bucket that are compared, each as one would write or configure it.

The gateway checks a key, looks the recording up, and writes logs and metrics; the others do none of it.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.corpus import NAME, Corpus
from benchmarks.processes import free_port, listens, running
from benchmarks.s3_bucket import Bucket
from benchmarks.seekgate import Installation, installed, running_gateway
from benchmarks.target import Target, ask
from gateway.assembly.backends import Backends, open_backends
from gateway.catalog import NewMedia, Owner
from gateway.settings.load import load
from tests.s3_gateway.s3_site import s3_environ

SERVERS: Final = Path(__file__).parent / "servers"
STORAGE: Final = "s3"

GATEWAY: Final = "seekgate, key"
NAIVE: Final = "aiobotocore get_object"
NGINX: Final = "nginx proxy_pass"
CACHED: Final = "seekgate, cache of slices"
LOCAL: Final = "seekgate, local file"

_CACHE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class S3Site:
    """Where front servers find what they need; `local_path` is where the gateway has the corpus in a file."""

    folder: Path
    installation: Installation
    local_path: str
    bucket: Bucket
    cores: tuple[int, ...]


@contextmanager
def s3_installed(folder: Path, corpus: Corpus, bucket: Bucket, cores: tuple[int, ...]) -> Iterator[S3Site]:
    """A catalogue in which the corpus is in the bucket, and in a file too."""
    with installed(folder, corpus) as installation:
        environ = {
            **os.environ,
            **s3_environ(bucket.server, bucket.name, STORAGE),
            "SEEKGATE_DATA_DIR": str(folder),
            "SEEKGATE_DATABASE__URL": installation.database_url,
        }
        recording_id, media_file_id = asyncio.run(_register(environ))
        in_bucket = replace(installation, recording_id=recording_id, media_file_id=media_file_id)
        yield S3Site(folder, in_bucket, installation.raw_path, bucket, cores)


async def _register(environ: dict[str, str]) -> tuple[int, int]:
    async with open_backends(load(None, environ)) as backends:
        media = await _measure(backends)
        owner = Owner(await backends.api_keys.ensure_user("benchmark@localhost"))
        registered, _ = await backends.catalog.register(owner, media, name="corpus in S3")
    return registered.recording_id, registered.id


async def _measure(backends: Backends) -> NewMedia:
    async with backends.storages[STORAGE].adapter.open(NAME) as stored:
        stat = stored.stat
    return NewMedia("audio", "wav", "audio/wav", STORAGE, NAME, stat.size, stat.etag, stat.last_modified)


@contextmanager
def running_fronts(site: S3Site) -> Iterator[list[Target]]:
    """Every front server that can run here; they wait idle while another is loaded."""
    starters = [seekgate, naive] if shutil.which("nginx") is None else [seekgate, naive, nginx]
    with ExitStack() as stack:
        yield [stack.enter_context(start(site)) for start in starters]


@contextmanager
def seekgate(site: S3Site) -> Iterator[Target]:
    """The gateway, by key."""
    settings = s3_environ(site.bucket.server, site.bucket.name, STORAGE)
    with running_gateway(site.installation, workers=1, cores=site.cores, settings=settings) as gateway:
        yield gateway.by_key()


@contextmanager
def running_cached(site: S3Site) -> Iterator[list[Target]]:
    """One gateway, with the corpus in a file, and in the bucket with all of its slices cached."""
    cache = {"cache_max_bytes": _CACHE_BYTES}
    settings = s3_environ(site.bucket.server, site.bucket.name, STORAGE, **cache)
    with running_gateway(site.installation, workers=1, cores=site.cores, settings=settings) as gateway:
        cached = replace(gateway.by_key(), server=CACHED)
        for _ in range(2):  # the first read does not fill every slice: it reads ahead only with spare memory
            ask(cached)
        # Writing the cache's files to the disk would slow the measurement down.
        os.sync()
        yield [gateway.at(LOCAL, site.local_path), cached]


@contextmanager
def naive(site: S3Site) -> Iterator[Target]:
    """The simplest handler: get_object with the client's Range, its body passed on (servers/s3_naive.py)."""
    port, server = free_port(), site.bucket.server
    environ = {
        **os.environ,
        "S3_BENCHMARK_ENDPOINT": server.endpoint_url,
        "S3_BENCHMARK_BUCKET": site.bucket.name,
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
    }
    command = [sys.executable, str(SERVERS / "s3_naive.py"), str(port)]
    log = site.folder / f"{port}.log"
    with running(command, environ, cores=site.cores, log=log, is_ready=lambda: listens(port)) as pid:
        yield Target(NAIVE, pid, port, f"/{NAME}", log)


@contextmanager
def nginx(site: S3Site) -> Iterator[Target]:
    """A presigned URL through nginx, whose connections to S3 are kept (servers/nginx_s3.conf)."""
    port = free_port()
    words = {
        "FOLDER": str(site.folder),
        "UPSTREAM": str(site.bucket.server.port),
        "PRESIGNED": site.bucket.presigned_path(),
        "PORT": str(port),
        "USER": "user root;" if os.geteuid() == 0 else "",  # the folder is the user's own
    }
    text = (SERVERS / "nginx_s3.conf").read_text()
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    path = site.folder / f"nginx-s3-{port}.conf"
    path.write_text(text)
    log = site.folder / f"{port}.log"
    command = ["nginx", "-c", str(path)]
    with running(command, os.environ, cores=site.cores, log=log, is_ready=lambda: listens(port)) as pid:
        yield Target(NGINX, pid, port, f"/{NAME}", log)
