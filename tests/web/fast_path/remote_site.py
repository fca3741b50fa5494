"""The site over a remote storage backend: an S3 adapter and a stand-in for S3 whose responses tests can replace."""

import hashlib
import os
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from storage_adapters.s3 import S3Storage
from tests.conformance.raw_http import Connection
from tests.s3.broken import until
from tests.storage_adapters.s3_stub import Stub, error, response, running_stub, span_of, stub_storage
from tests.web.byte_route_site import SIZE, Site, running_site

MODIFIED: Final = "Last-Modified: Mon, 30 Nov 2026 08:00:00 GMT"


class Bucket:
    """One object. Each GET takes the next of the `refusals` instead of the object."""

    def __init__(self) -> None:
        self.refusals: deque[bytes] = deque()
        self.gets: list[str] = []
        self.put(os.urandom(SIZE))

    def put(self, content: bytes) -> None:
        self.content = content
        self.etag = hashlib.sha256(content).hexdigest()

    def answer(self, head: str) -> bytes:
        fields = (MODIFIED, f'ETag: "{self.etag}"')
        if head.startswith("HEAD"):
            return response("200 OK", b"", *fields).replace(b"Length: 0", b"Length: %d" % len(self.content))
        self.gets.append(head)
        if self.refusals:
            return self.refusals.popleft()
        if f'If-Match: "{self.etag}"' not in head:
            return error("412 Precondition Failed", "PreconditionFailed")
        first, end = span_of(head)
        ranged = f"Content-Range: bytes {first}-{end - 1}/{len(self.content)}"
        return response("206 Partial Content", self.content[first:end], *fields, ranged)


class RemoteSite:
    """The site, the bucket, the adapter, and the stand-in for S3."""

    def __init__(self, site: Site, bucket: Bucket, storage: S3Storage, server: Stub) -> None:
        self.site = site
        self.bucket = bucket
        self.storage = storage
        self.server = server

    async def begin(self, client: Connection, octets: bytes) -> None:
        """Send a request, and return when S3 was asked for its bytes, and waits until `server.answers` is set."""
        self.server.answers.clear()
        asked = len(self.server.heads)
        await client.send(octets)
        await until(lambda: len(self.server.heads) > asked)


@asynccontextmanager
async def remote_site(root: Path, **more: Any) -> AsyncGenerator[RemoteSite]:
    """A site whose recording is in a bucket; `more` are options of its S3 adapter. All connections are free at the end."""
    bucket = Bucket()
    async with (
        running_stub(bucket.answer) as stub,
        stub_storage(stub, **more) as storage,
        running_site(root, remote=storage) as site,
    ):
        site.content = bucket.content
        bucket.gets.clear()
        yield RemoteSite(site, bucket, storage, stub)
        stub.answers.set()
