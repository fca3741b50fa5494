"""The S3 server of a run, and the corpus in a bucket of it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.corpus import NAME, Corpus
from tests.s3.buckets import make_bucket, s3_client
from tests.s3.ceph import PROGRAMS, running_ceph
from tests.s3.processes import S3Server
from tests.s3.swift import running_swift

_URL_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket with the corpus in it, under the name NAME."""

    server: S3Server
    name: str

    def behind(self, port: int) -> "Bucket":
        """The same, by way of a proxy at this port."""
        return replace(self, server=replace(self.server, endpoint_url=f"http://127.0.0.1:{port}"))

    def presigned_path(self) -> str:
        """Path and query of a URL that reads the corpus for a day, at this endpoint."""
        return asyncio.run(self._presign())

    async def _presign(self) -> str:
        async with s3_client(self.server) as client:
            params = {"Bucket": self.name, "Key": NAME}
            url = urlsplit(await client.generate_presigned_url("get_object", Params=params, ExpiresIn=_URL_SECONDS))
        return f"{url.path}?{url.query}"


@contextmanager
def running_bucket(folder: Path, corpus: Corpus) -> Iterator[Bucket]:
    """An S3 server that holds the corpus, until the block ends."""
    with _running_server(folder) as server:
        bucket = Bucket(server, asyncio.run(make_bucket(server)))
        asyncio.run(_upload(bucket, corpus))
        yield bucket


@contextmanager
def _running_server(folder: Path) -> Iterator[S3Server]:
    data = folder / "s3"
    data.mkdir()
    if any(shutil.which(program) is None for program in PROGRAMS):
        with running_swift(data) as server:
            yield server
        return
    with tempfile.TemporaryDirectory(prefix="ceph-") as sockets, running_ceph(data, Path(sockets)) as server:
        yield server


async def _upload(bucket: Bucket, corpus: Corpus) -> None:
    async with s3_client(bucket.server) as client:
        with corpus.path.open("rb") as content:
            await client.put_object(Bucket=bucket.name, Key=NAME, Body=content, ContentType="audio/wav")
