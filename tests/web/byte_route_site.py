"""The byte route alone on a real socket, over real files, with a catalogue in memory.

It is built as the gateway builds it (gateway.assembly.byte_route), but tests can look at what the whole gateway hides:
`Site.slow_path_ranges` are the ranges of the requests that aiohttp parsed; the fast path answered the others. There is
no fast path at `Site.plain_port`.
"""

import asyncio
import io
import json
import os
import socket
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from aiohttp import web

from gateway.assembly.backends import Backends
from gateway.assembly.byte_route import SiteTraffic, build_byte_route
from gateway.catalog import MediaFile, NewMedia, Owner, Scope
from gateway.keys import digest, new_key, visible_prefix
from gateway.process.drain import Drain
from gateway.protocol.signing import Grant, Signer, SigningKey, SigningKeys, owner_text
from gateway.settings.load import load
from gateway.storage import Storage
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.web.acceptor import Acceptor
from gateway.web.access.authentication import Authenticator
from gateway.web.access.cors import Cors
from gateway.web.bytes.streams import Streams
from gateway.web.connections.connection_context import ConnectionContext, HeldBytes
from gateway.web.connections.connection_limit import ConnectionLimit
from gateway.web.connections.malformed_requests import MalformedRequests
from gateway.web.connections.open_connections import Connections
from gateway.web.connections.slow_clients import Lingerers
from gateway.web.connections.unread_responses import UnreadResponses
from gateway.web.fast_path.fast_acceptor import FastAcceptor
from gateway.web.fast_path.head_batcher import Responder
from gateway.web.journal import Journal
from gateway.web.links import Links
from gateway.web.middleware import RequestMiddleware
from gateway.web.server_handler import ServerHandler
from storage_adapters.base import ObjectStat, StorageAdapter
from storage_adapters.local import connect as connect_storage
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.deletions import MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys

SIZE: Final = 1_200_000


class Site:
    """The objects that serve the socket, which tests may change and inspect."""

    def __init__(self, root: Path, storage: StorageAdapter, streams: Streams) -> None:
        self.path = root / "sound.mp3"
        self.content = os.urandom(SIZE)
        self.path.write_bytes(self.content)
        self.keys = MemoryApiKeys()
        self.catalog = MemoryCatalog(MemoryDeletionQueue())
        self.drain = Drain()
        self.held = HeldBytes()
        self.streams = streams
        self.connections = Connections(self.drain.is_draining)
        self.log = io.BytesIO()
        self.access_log = AccessLog(self.log, delay_seconds=0)
        self.journal = Journal(Metrics(), self.access_log, lambda metrics: metrics.set_running(self.streams.running))
        self.slow_path_ranges: list[str] = []
        self.port = 0
        self.plain_port = 0
        self.key = new_key(live=True, restricted=True)
        cors = Cors(["https://player.example"])
        signer = self.signer = Signer(
            SigningKeys([SigningKey("site", b"a secret of this site")]), expires_in_seconds=3600, window_seconds=600
        )
        self.storages: Mapping[str, Storage] = {"files": Storage("files", "local", storage)}
        route = build_byte_route(
            load(None, {}),
            self._backends(signer),
            SiteTraffic(self.drain, self.streams, self.journal),
            authenticator=Authenticator(self.keys, signer),
            connections=self.connections,
            cors=cors,
            links=Links(signer, None),
        )
        assert isinstance(route.acceptor, FastAcceptor)
        self.acceptor = route.acceptor
        self.malformed = MalformedRequests(self.journal, cors)
        self.responder = route.acceptor.responder
        self._handler = ServerHandler(RequestMiddleware(self.journal, self.connections, cors), route.media, _elsewhere)

    def _backends(self, signer: Signer) -> Backends:
        """What the byte route needs; the rest is absent."""
        absent = cast("Any", None)
        return Backends(
            catalog=self.catalog,
            recordings=absent,
            search=absent,
            edits=absent,
            share_links=absent,
            media_audit=absent,
            uploads=absent,
            upload_writers=absent,
            upload_reservations=absent,
            session_uploads=absent,
            session_joins=absent,
            api_keys=self.keys,
            users=absent,
            deletions=absent,
            signer=signer,
            signing_secrets=absent,
            upload_tokens=absent,
            storages=self.storages,
            prober=absent,
            waveforms=absent,
            check_database=absent,
        )

    async def add_recording(self, storage: StorageAdapter) -> None:
        """One key, one recording."""
        owner = self.owner = Owner(await self.keys.ensure_user("listener@example.com"), live=True)
        await self.keys.create_key(
            digest=digest(self.key),
            prefix=visible_prefix(self.key),
            owner=owner,
            scopes=frozenset({Scope.RECORDINGS_READ}),
            expires_at=None,
        )
        async with storage.open(self.path.name) as stored:
            self.media, _ = await self.catalog.register(owner, new_media(self.path.name, stored.stat))

    media: MediaFile
    owner: Owner
    server: web.Server

    @property
    def target(self) -> str:
        return f"/recordings/{self.media.recording_id}/media/{self.media.id}/raw"

    @property
    def signed_target(self) -> str:
        """A playback URL of the media file."""
        return self.signed_url(None)

    def signed_url(self, expires_in_seconds: int | None) -> str:
        """A playback URL that is valid for this many seconds; None: the usual time."""
        owner = owner_text(self.owner.user_id, self.owner.live)
        grant = Grant(owner, self.media.recording_id, self.media.id, "inline")
        signed = self.signer.sign(grant, now=time.time(), expires_in_seconds=expires_in_seconds)
        return f"{self.target}?{signed.query}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The server's handler, which records what aiohttp parsed."""
        self.slow_path_ranges.append(request.headers.get("Range", ""))
        return await self._handler(request)

    async def until_no_connection(self) -> None:
        """Return once the server knows of no connection."""
        for _ in range(400):
            if not self.server.connections:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("a connection stays open")

    async def log_lines(self) -> list[dict[str, Any]]:
        """The access log so far."""
        await self.journal.close()
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def new_media(object_key: str, stat: ObjectStat) -> NewMedia:
    return NewMedia(
        type="audio",
        format="mp3",
        content_type="audio/mpeg",
        storage="files",
        object_key=object_key,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=None,
        metadata=None,
    )


async def _elsewhere(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


@asynccontextmanager
async def running_site(
    root: Path,
    *,
    streams_limit: int = 100,
    streams_per_reader: int | None = None,
    keepalive_timeout: float = 75.0,
    stall_timeout: float = 120.0,
    send_bytes: int | None = None,
    remote: StorageAdapter | None = None,
    before: Callable[[Site], Responder] = lambda built: built.responder,
) -> AsyncGenerator[Site]:
    """A site that listens; `before` may put somebody between its connections and its responder.

    Its recording is in a local file, or else in the `remote` storage backend, which the caller closes. The kernel keeps
    `send_bytes` of what a client has not read (it doubles them); None: up to some MiB, as it likes.
    """
    local = await connect_storage(root=root)
    storage = remote or local
    built = Site(root, storage, Streams(streams_limit, streams_per_reader))
    await built.add_recording(storage)
    server = built.server = web.Server(cast("Any", built.handle), handler_cancellation=True)
    built.acceptor.batcher.responder = before(built)
    opened = socket.create_server(("127.0.0.1", 0))
    if send_bytes is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)  # accepted connections inherit it
    loop = asyncio.get_running_loop()
    context = ConnectionContext(
        keepalive_timeout,
        stall_timeout,
        built.malformed.refuse,
        Lingerers(),
        built.held,
        UnreadResponses(),
        ConnectionLimit(10_000),
    )
    plain = await loop.create_server(partial(Acceptor().connect, server, context), "127.0.0.1", 0)
    listener = await loop.create_server(partial(built.acceptor.connect, server, context), sock=opened)
    with closing(listener), closing(plain):
        built.port = opened.getsockname()[1]
        built.plain_port = plain.sockets[0].getsockname()[1]
        yield built
        await server.shutdown(1)
    await built.journal.close()
    await local.close()
