"""Plain calls of the JSON routes, and the creation of playback URLs."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from tests.conformance.ask import exchange
from tests.conformance.media import Media
from tests.conformance.raw_http import Response, compose
from tests.gateway_process import Gateway


async def call(
    site: Gateway,
    target: str,
    *,
    method: str = "GET",
    key: str | None = None,
    fields: Iterable[tuple[str, str | bytes]] = (),
) -> Response:
    """One request on a new connection; `key` is sent as X-API-Key."""
    sent = [
        *fields,
        *([("X-API-Key", key)] if key is not None else []),
        *([("Content-Length", "0")] if method == "POST" else []),
    ]
    return await exchange(site, compose(method, target, sent, host=site.authority), method)


async def fetch(site: Gateway, target: str, *, method: str = "GET", key: str | None = None, status: int = 200) -> Any:
    """The JSON document of a response with this status (with the owner's key unless another is given)."""
    response = await call(site, target, method=method, key=site.key if key is None else key)
    assert response.status == status, response
    return document(response)


def document(response: Response) -> Any:
    """The JSON of the response, which must be labelled as JSON."""
    assert response.head["Content-Type"].split(";")[0] == "application/json"
    return json.loads(response.body)


async def playback_target(site: Gateway, media: Media) -> str:
    """A fresh playback URL's target: path and query."""
    created = await fetch(site, media.target.replace("/raw", "/playback-url"), method="POST")
    assert set(created) == {"url", "expires_at"}
    assert created["expires_at"].endswith("Z")
    return target_of(created["url"])


def target_of(url: str) -> str:
    """Path and query, whether the URL is absolute or not."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
