"""A gateway over a bucket, with the fault proxy in between."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from storage_adapters.base import Writable
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.conformance.raw_http import Response
from tests.gateway_process import Gateway, Loop
from tests.s3.faults import FaultProxy
from tests.s3.processes import S3Server

HOST: Final = "127.0.0.1"


class ProxyThread:
    """The proxy, and the loop that it runs in."""

    def __init__(self, server: S3Server) -> None:
        self.loop = Loop()
        self.proxy = FaultProxy(server, server.port)
        self.loop.run(self.proxy.start())

    def close(self) -> None:
        self.loop.run(self.proxy.stop())
        self.loop.close()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Nobody listens at the proxy's port, until the block ends."""
        self.loop.run(self.proxy.stop())
        try:
            yield
        finally:
            self.proxy.listener = self.loop.run(asyncio.start_server(self.proxy.serve, HOST, self.proxy.server.port))


@contextmanager
def proxy_before(server: S3Server) -> Iterator[ProxyThread]:
    """A proxy before this server, until the block ends."""
    thread = ProxyThread(server)
    try:
        yield thread
    finally:
        thread.close()


async def get(site: Gateway, media: Media, ranges: str | None = None) -> Response:
    """A GET of the object, or of `first-last` of it."""
    fields = [("Range", f"bytes={ranges}")] if ranges else []
    return await call(site, media.target, key=site.key, fields=fields)


def replace(site: Gateway, media: Media, content: bytes) -> None:
    """Replace the object without the gateway."""
    key = site.media_file((media.recording_id, media.media_file_id)).object_key
    site.wait(_put(site, key, content))


def remove(site: Gateway, media: Media) -> None:
    """Delete the object without the gateway."""
    (storage,) = site.backends.storages.values()
    site.wait(storage.adapter.delete(site.media_file((media.recording_id, media.media_file_id)).object_key))


async def _put(site: Gateway, key: str, content: bytes) -> None:
    (storage,) = site.backends.storages.values()
    assert isinstance(storage.adapter, Writable)
    async with storage.adapter.create(key) as writer:
        await writer.write(content)
