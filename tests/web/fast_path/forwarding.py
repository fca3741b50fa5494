"""A layer between the connections and the fast path that passes everything on: the base of what watches or disturbs it."""

from gateway.web.bytes.started_response import StartedResponse
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.head_batcher import NotPrepared
from tests.web.byte_route_site import Site


class Forwarding:
    """What gateway.web.fast_path.head_batcher calls, answered by the site's own responder."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def recognises(self, octets: bytes) -> bool:
        return self.site.responder.recognises(octets)

    def begin_batch(self) -> None:
        self.site.responder.begin_batch()

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        return self.site.responder.prepare(connection, octets, started, may_wait=may_wait)

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        return self.site.responder.send(connection, response)
