"""The byte route, built: admissions, the answers that are given at once, and the ordinary way.

Knows: what the byte route is built from. Refuses to know: what any of it does.
"""

from typing import NamedTuple

from gateway.assembly.backends import Backends
from gateway.process.drain import Drain
from gateway.settings.load import Config
from gateway.web.access.authentication import Authenticator
from gateway.web.access.cors import Cors
from gateway.web.access.rate_limits import RateLimits
from gateway.web.bytes.admissions import Admissions
from gateway.web.bytes.media_route import MediaRoute
from gateway.web.bytes.streaming import Streamer, Streams
from gateway.web.connections import Connections
from gateway.web.fast_path.seeks import Seeks
from gateway.web.journal import Journal
from gateway.web.links import Links


class Traffic(NamedTuple):
    """What is known of the traffic as a whole."""

    drain: Drain
    streams: Streams
    journal: Journal


class ByteRoute(NamedTuple):
    """The ordinary way, and the one before it."""

    media: MediaRoute
    seeks: Seeks


def build_byte_route(
    config: Config,
    backends: Backends,
    traffic: Traffic,
    *,
    connections: Connections,
    cors: Cors,
    links: Links,
    limits: RateLimits | None,
) -> ByteRoute:
    """The byte route; `limits` count its requests."""
    delivery = config.delivery
    admissions = Admissions(
        authenticator=Authenticator(backends.api_keys, backends.signer, limits),
        catalog=backends.catalog,
        storages=backends.storages,
        epoch=backends.epoch,
        cache_control_private=delivery.cache_control_private,
        cache_control_signed=delivery.cache_control_signed,
    )
    streamer = Streamer(
        traffic.streams,
        stall_timeout_seconds=delivery.stall_timeout_seconds,
        is_draining=traffic.drain.is_draining,
    )
    seeks = Seeks(
        admissions=admissions,
        streams=traffic.streams,
        streamer=streamer,
        cors=cors,
        connections=connections,
        journal=traffic.journal,
    )
    media = MediaRoute(
        admissions=admissions,
        catalog=backends.catalog,
        streamer=streamer,
        seeks=seeks,
        links=links,
        cors=cors,
        max_ranges=delivery.max_ranges,
    )
    return ByteRoute(media, seeks)
