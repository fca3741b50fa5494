"""The acceptor whose connections offer each request head to the fast path."""

from aiohttp import web

from gateway.web.acceptor import Acceptor, ByteServices
from gateway.web.bytes.admissions import Admission
from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.fast_responder import FastResponder
from gateway.web.fast_path.head_batcher import HeadBatcher
from storage_adapters.base import StorageError


class FastAcceptor(Acceptor):
    """Accepts connections with a fast path; `batcher` holds the heads that wait for it."""

    def __init__(self, services: ByteServices) -> None:
        self.responder = FastResponder(services)
        self.batcher = HeadBatcher(self.responder)

    def connect(self, server: web.Server, context: ConnectionContext) -> FastConnection:
        return FastConnection(server, self.batcher, context)

    def learn(self, request: web.Request, admission: Admission) -> None:
        self.responder.learn(request, admission)

    def take_failure(self, request: web.Request) -> StorageError | None:
        connection = request.protocol
        if not isinstance(connection, FastConnection):
            return None
        failure, connection.failure = connection.failure, None
        return failure
