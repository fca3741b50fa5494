"""Every response that an API key decided says so in Vary, so that a cache never gives it to another key."""

from typing import Final

import pytest

from tests.conformance.calling import call, target_of
from tests.conformance.raw_http import Head
from tests.gateway_process import Gateway
from tests.uploads.client import Client

BY_KEY: Final = {"x-api-key", "authorization"}
ORIGIN: Final = ("Origin", "https://player.example")

# method, target, header fields beside the key, status
KEYED: Final[tuple[tuple[str, str, list[tuple[str, str]], int], ...]] = (
    ("GET", "$target", [], 200),
    ("HEAD", "$target", [], 200),
    ("GET", "$target", [("Range", "bytes=0-9")], 206),
    ("GET", "$target", [("Range", "bytes=0-9,100-109")], 206),
    ("GET", "$target", [("Range", "bytes=999999-")], 416),
    ("GET", "$target", [("If-None-Match", "*")], 304),
    ("GET", "$target", [("If-Match", '"other"')], 412),
    ("GET", "$target", [ORIGIN, ("Range", "bytes=0-9")], 206),
    ("GET", "/recordings", [], 200),
    ("GET", "/recordings?limit=0", [], 422),
    ("GET", "/recordings/100000000001", [], 404),
    ("GET", "/recordings/100000000001/media/1/raw", [], 404),
    ("GET", "/v1/recordings", [ORIGIN], 200),
    ("GET", "/v1/recordings/rec_0000000000", [], 404),
    ("GET", "/transcripts/zoom/nothing", [], 404),
    ("DELETE", "/recordings/100000000001", [], 404),
    ("POST", "/v1/recordings", [], 400),
    ("POST", "/v1/uploads/tus", [], 412),
)


def varies_by(head: Head) -> set[str]:
    return {word.strip().lower() for word in (head.get("Vary") or "").split(",")} - {""}


@pytest.mark.parametrize(("method", "path", "fields", "status"), KEYED)
async def test_a_response_to_a_key_varies_by_the_key(
    site: Gateway, target: str, method: str, path: str, fields: list[tuple[str, str]], status: int
) -> None:
    for _ in range(3):  # the byte route remembers what it decided
        response = await call(site, path.replace("$target", target), method=method, key=site.key, fields=fields)
        assert response.status == status
        assert varies_by(response.head) - {"accept-encoding"} == BY_KEY | {"origin"}


@pytest.mark.parametrize("key", ["other_key", "write_only_key", "revoked_key"])
async def test_a_refused_key_varies_too(site: Gateway, target: str, key: str) -> None:
    response = await call(site, target, key=getattr(site, key))
    assert response.status in {401, 403, 404}
    assert varies_by(response.head) >= BY_KEY


async def test_a_signed_url_does_not_vary_by_a_key(site: Gateway, client: Client, target: str) -> None:
    created = await client.call("POST", target.replace("/raw", "/playback-url"))
    for _ in range(3):
        response = await call(site, target_of(created.json["url"]), key=site.key, fields=[("Range", "bytes=0-9")])
        assert response.status == 206
        assert varies_by(response.head) == {"origin"}
