"""Errors of Bota's dialect: one shape under /v1/, Vexa's everywhere else, and never a 500."""

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.bota_calls import RECORDINGS, check_error, recording_of, send
from tests.conformance.calling import document
from tests.conformance.media import Media
from tests.gateway_process import Gateway

FUZZ: Final = settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)
BODIES: Final = {"POST": b"{}"}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", RECORDINGS),
        ("POST", RECORDINGS),
        ("GET", "$recording"),
        ("DELETE", "$recording"),
        ("POST", "$recording/download-url"),
    ],
)
async def test_each_route_requires_a_valid_key_with_its_scope(
    site: Gateway, media: Media, method: str, target: str
) -> None:
    target, body = target.replace("$recording", recording_of(media)), BODIES.get(method)
    for key in ("", "sk_live_unknown", site.expired_key, site.revoked_key):
        response = await send(site, method, target, body, key=key)
        check_error(response, 401, "unauthorized")
        assert response.head["WWW-Authenticate"] == "Bearer"
    writes = method == "DELETE" or (method, target) == ("POST", RECORDINGS)
    response = await send(site, method, target, body, key=site.read_only_key if writes else site.write_only_key)
    check_error(response, 403, "forbidden")


async def test_a_bad_key_is_reported_before_a_bad_request(site: Gateway) -> None:
    check_error(await send(site, "POST", RECORDINGS, b"nonsense", key=""), 401, "unauthorized")
    check_error(await send(site, "GET", f"{RECORDINGS}/nonsense", key=""), 401, "unauthorized")


async def test_a_key_in_the_query_is_ignored(site: Gateway) -> None:
    check_error(await send(site, "GET", f"{RECORDINGS}?api_key={site.key}&key={site.key}", key=""), 401, "unauthorized")


@pytest.mark.parametrize(
    "target", ["/v1", "/v1/", "/v1/nothing", "/v1/recordings/", "/v1/recordings/a/b", "/v1//recordings"]
)
async def test_an_unknown_path_under_v1_gets_botas_not_found(site: Gateway, target: str) -> None:
    check_error(await send(site, "GET", target), 404, "not_found")


@pytest.mark.parametrize("target", ["/v1x", "/v10/recordings", "/nothing", "/V1/recordings", "/recordings/v1/"])
async def test_an_unknown_path_elsewhere_gets_vexas_not_found(site: Gateway, target: str) -> None:
    response = await send(site, "GET", target)
    assert (response.status, document(response)) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        pytest.param(RECORDINGS, "GET, HEAD, OPTIONS, POST", id="the list"),
        pytest.param(f"{RECORDINGS}/any", "DELETE, GET, HEAD, OPTIONS, PATCH", id="a recording"),
        pytest.param(f"{RECORDINGS}/any/download-url", "OPTIONS, POST", id="a download"),
    ],
)
async def test_other_methods_get_405_with_the_allowed_ones(site: Gateway, target: str, allow: str) -> None:
    response = await send(site, "PUT", target, b"{}")
    check_error(response, 405, "invalid_request")
    assert response.head["Allow"] == allow


async def test_responses_are_not_cached(site: Gateway, media: Media) -> None:
    for target in (RECORDINGS, recording_of(media), f"{RECORDINGS}/none"):
        response = await send(site, "GET", target)
        assert response.head["Cache-Control"] == "no-store"
        assert response.head["X-Content-Type-Options"] == "nosniff"


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
MEMBERS: Final = st.sampled_from(["device_id", "end_user_id", "name", "started_at", "ended_at", "metadata", "media_id"])
OBJECTS: Final = st.dictionaries(MEMBERS | st.text(max_size=9), JSON, max_size=6)
QUERY: Final = st.sampled_from(
    ["limit", "offset", "cursor", "status", "device_id", "end_user_id", "created_after", "created_before", "x"]
)


@FUZZ
@given(
    body=st.binary(max_size=200) | OBJECTS.map(json.dumps).map(str.encode), route=st.sampled_from(["", "/download-url"])
)
async def test_no_body_causes_a_server_error(site: Gateway, media: Media, body: bytes, route: str) -> None:
    response = await send(site, "POST", (recording_of(media) + route) if route else RECORDINGS, body)
    assert response.status in {200, 201, 400, 404}, response
    shown: Any = document(response)
    assert response.status < 300 or set(shown) == {"error"}


@FUZZ
@given(query=st.lists(st.tuples(QUERY, st.binary(max_size=40)), max_size=5))
async def test_no_query_causes_a_server_error(site: Gateway, query: list[tuple[str, bytes]]) -> None:
    text = "&".join(f"{name}={''.join(f'%{octet:02x}' for octet in value)}" for name, value in query)
    response = await send(site, "GET", f"{RECORDINGS}?{text}")
    assert response.status in {200, 400}, response


@FUZZ
@given(octets=st.binary(min_size=1, max_size=40), method=st.sampled_from(["GET", "DELETE"]))
async def test_no_id_causes_a_server_error(site: Gateway, octets: bytes, method: str) -> None:
    escaped = "".join(f"%{octet:02x}" for octet in octets)
    response = await send(site, method, f"{RECORDINGS}/rec_{escaped}")
    check_error(response, 404, "not_found")


@FUZZ
@given(key=st.binary(min_size=1, max_size=300).map(lambda octets: octets.translate(None, b"\0\r\n")))
async def test_no_idempotency_key_causes_a_server_error(site: Gateway, key: bytes) -> None:
    response = await send(site, "POST", RECORDINGS, b"{}", fields=[("Idempotency-Key", key)])
    assert response.status in {201, 400}, response
