"""Builds the byte route: its admissions, its handler, and the acceptor of its connections."""

from typing import NamedTuple

from gateway.assembly.backends import Backends
from gateway.process.drain import Drain
from gateway.protocol.pacing import WEBKIT, Element, PaceRule
from gateway.settings.load import Config
from gateway.settings.sections import DeliverySettings
from gateway.web.acceptor import Acceptor, ByteServices, usable
from gateway.web.access.authentication import Authenticator
from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admissions
from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.media_route import MediaRoute
from gateway.web.bytes.paced import Pacing
from gateway.web.bytes.streaming import Streamer
from gateway.web.bytes.streams import Streams
from gateway.web.connections.open_connections import Connections
from gateway.web.fast_path.fast_acceptor import FastAcceptor
from gateway.web.journal import Journal
from gateway.web.links import Links


class SiteTraffic(NamedTuple):
    """What all routes share: the drain switch, the running streams, and the journal."""

    drain: Drain
    streams: Streams
    journal: Journal


class ByteRoute(NamedTuple):
    """The route's handler, and the acceptor of the public port's connections."""

    media: MediaRoute
    acceptor: Acceptor


def build_byte_route(
    config: Config,
    backends: Backends,
    traffic: SiteTraffic,
    *,
    authenticator: Authenticator,
    connections: Connections,
    cors: Cors,
    links: Links,
) -> ByteRoute:
    """Build the byte route from the settings."""
    delivery = config.delivery
    admissions = _build_admissions(config, backends, authenticator)
    pacing = _build_pacing(delivery)
    turns = LoopTurns()
    streamer = Streamer(
        traffic.streams,
        turns,
        stall_timeout_seconds=delivery.stall_timeout_seconds,
        is_draining=traffic.drain.is_draining,
    )
    services = ByteServices(admissions, streamer, traffic.streams, turns, pacing, cors, connections, traffic.journal)
    acceptor = Acceptor()
    # Only this line and its import name the fast path. Without them aiohttp parses every request.
    acceptor = FastAcceptor(services) if delivery.fast_path else acceptor
    acceptor = usable(acceptor)
    media = MediaRoute(
        admissions=admissions,
        catalog=backends.catalog,
        streamer=streamer,
        learn=acceptor.learn,
        take_failure=acceptor.take_failure,
        links=links,
        cors=cors,
        pacing=pacing,
        max_ranges=delivery.max_ranges,
    )
    return ByteRoute(media, acceptor)


def _build_admissions(config: Config, backends: Backends, authenticator: Authenticator) -> Admissions:
    return Admissions(
        authenticator=authenticator,
        catalog=backends.catalog,
        storages=backends.storages,
        counts_requests=config.rate_limits.enabled and config.rate_limits.byte_route,
        cache_control_private=config.delivery.cache_control_private,
        cache_control_signed=config.delivery.cache_control_signed,
    )


def _build_pacing(delivery: DeliverySettings) -> Pacing:
    if not delivery.pace:
        return Pacing(None)
    elements: frozenset[Element] = WEBKIT if delivery.pace == "webkit" else WEBKIT | {"chromium"}
    return Pacing(PaceRule(elements, delivery.pace_burst_seconds, delivery.pace_multiple))
