"""CORS (Fetch standard): what pages of other origins may send and read, with every status."""

from typing import Final, NamedTuple

import pytest

from tests.conformance.ask import exchange
from tests.conformance.media import Media
from tests.conformance.raw_http import Head, Response, compose
from tests.conformance.site import ALLOWED_ORIGIN, FOREIGN_ORIGIN
from tests.gateway_process import Gateway

EXPOSED: Final = {"content-range", "accept-ranges", "content-length", "etag"}


class Visit(NamedTuple):
    """A request that is sent with and without an Origin, and its status in both cases."""

    id: str
    method: str
    target: str
    key: str | None
    sent: dict[str, str]
    status: int


# fmt: off
STATUSES: Final = (
    Visit("200", "GET", "$target", "key", {}, 200),
    Visit("206", "GET", "$target", "key", {"Range": "bytes=0-1"}, 206),
    Visit("206-multipart", "GET", "$target", "key", {"Range": "bytes=0-1,9000-9001"}, 206),
    Visit("304", "GET", "$target", "key", {"If-None-Match": "$etag"}, 304),
    Visit("412", "GET", "$target", "key", {"If-Match": '"other"'}, 412),
    Visit("416", "GET", "$target", "key", {"Range": "bytes=100000-"}, 416),
    Visit("head", "HEAD", "$target", "key", {}, 200),
    Visit("401", "GET", "$target", None, {}, 401),
    Visit("403", "GET", "$target", "write_only_key", {}, 403),
    Visit("403-forged-url", "GET", "$target?exp=1&kid=x&sig=y", None, {}, 403),
    Visit("404", "GET", "$target", "other_key", {}, 404),
    Visit("404-no-route", "GET", "/no/such/page", "key", {}, 404),
    Visit("405", "POST", "$target", "key", {"Content-Length": "0"}, 405),
    Visit("422", "GET", "/recordings?limit=0", "key", {}, 422),
    Visit("json", "GET", "/recordings", "key", {}, 200),
)
# fmt: on


async def fetch(site: Gateway, media: Media, visit: Visit, origin: str | None) -> Response:
    fields = [(name, str(media.fill(value))) for name, value in visit.sent.items()]
    fields += [("X-API-Key", getattr(site, visit.key))] if visit.key else []
    fields += [("Origin", origin)] if origin else []
    octets = compose(visit.method, visit.target.replace("$target", media.target), fields, host=site.authority)
    response = await exchange(site, octets, visit.method)
    assert response.status == visit.status
    return response


def words(head: Head, name: str) -> set[str]:
    """The field's list, in lower case; empty if absent."""
    return {word.strip().lower() for word in (head.get(name) or "").split(",")} - {""}


@pytest.mark.parametrize("visit", STATUSES, ids=lambda visit: visit.id)
async def test_an_allowed_origin_may_read_every_status(site: Gateway, media: Media, visit: Visit) -> None:
    head = (await fetch(site, media, visit, ALLOWED_ORIGIN)).head
    assert head["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert words(head, "Access-Control-Expose-Headers") >= EXPOSED
    assert "origin" in words(head, "Vary")
    assert head["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert head["Timing-Allow-Origin"] == ALLOWED_ORIGIN
    # Keys are sent in header fields, never in cookies, so credentials mode is off.
    assert head.get("Access-Control-Allow-Credentials") is None


@pytest.mark.parametrize("visit", STATUSES, ids=lambda visit: visit.id)
async def test_a_foreign_origin_may_read_nothing(site: Gateway, media: Media, visit: Visit) -> None:
    head = (await fetch(site, media, visit, FOREIGN_ORIGIN)).head
    assert head.get("Access-Control-Allow-Origin") is None
    assert head.get("Timing-Allow-Origin") is None
    # A shared cache must not give this response to the allowed origin.
    assert "origin" in words(head, "Vary")


@pytest.mark.parametrize("visit", STATUSES, ids=lambda visit: visit.id)
async def test_the_response_varies_by_origin_even_without_one(site: Gateway, media: Media, visit: Visit) -> None:
    head = (await fetch(site, media, visit, None)).head
    assert head.get("Access-Control-Allow-Origin") is None
    assert "origin" in words(head, "Vary")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://player.example",
        "https://player.example:8443",
        "https://player.example.evil.example",
        "https://PLAYER.example/x",
        "https://evilplayer.example",
    ],
)
async def test_an_origin_is_compared_exactly(site: Gateway, media: Media, origin: str) -> None:
    head = (await fetch(site, media, STATUSES[1], origin)).head
    assert head.get("Access-Control-Allow-Origin") is None


async def preflight(site: Gateway, target: str, origin: str, method: str, headers: str) -> Head:
    fields = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ]
    response = await exchange(site, compose("OPTIONS", target, fields, host=site.authority), "OPTIONS")
    assert response.status in {200, 204}
    assert response.body == b""
    return response.head


@pytest.mark.parametrize(
    "headers", ["range", "range,if-range", "x-api-key", "authorization", "authorization,if-none-match,range,x-api-key"]
)
async def test_a_preflight_needs_no_key_and_allows_what_players_send(site: Gateway, media: Media, headers: str) -> None:
    head = await preflight(site, media.target, ALLOWED_ORIGIN, "GET", headers)
    assert head["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert words(head, "Access-Control-Allow-Methods") >= {"get", "head"}
    assert words(head, "Access-Control-Allow-Headers") >= set(headers.split(","))
    assert head["Vary"] == "Origin"
    assert int(head["Access-Control-Max-Age"]) > 0


async def test_a_preflight_allows_deleting_a_recording(site: Gateway, media: Media) -> None:
    head = await preflight(site, f"/recordings/{media.recording_id}", ALLOWED_ORIGIN, "DELETE", "x-api-key")
    assert "delete" in words(head, "Access-Control-Allow-Methods")


async def test_a_preflight_allows_creating_a_playback_url(site: Gateway, media: Media) -> None:
    target = media.target.replace("/raw", "/playback-url")
    head = await preflight(site, target, ALLOWED_ORIGIN, "POST", "x-api-key")
    assert "post" in words(head, "Access-Control-Allow-Methods")


async def test_a_foreign_preflight_is_allowed_nothing(site: Gateway, media: Media) -> None:
    head = await preflight(site, media.target, FOREIGN_ORIGIN, "GET", "range")
    assert head.get("Access-Control-Allow-Origin") is None


async def test_options_without_an_origin_lists_the_methods(site: Gateway, media: Media) -> None:
    response = await exchange(site, compose("OPTIONS", media.target, host=site.authority), "OPTIONS")
    assert response.status in {200, 204}
    assert words(response.head, "Allow") == {"get", "head", "options"}
