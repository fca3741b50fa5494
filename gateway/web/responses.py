"""JSON responses, and the response object for bytes that were already written to the socket."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from gateway.protocol.conditional import Conditions, Validators, failed_precondition
from gateway.web.conditions import conditions_of

_TIMES = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def json_bytes(body: Any) -> bytes:
    """The value as JSON; datetimes become RFC 3339 with `Z`. Raises TypeError for a value that JSON cannot represent."""
    return orjson.dumps(body, option=_TIMES)


def json_response(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response that no cache stores; datetimes become RFC 3339 with `Z`."""
    return _json_response(json_bytes(body), status, headers)


def _json_response(octets: bytes, status: int, headers: Mapping[str, str] | None) -> web.Response:
    return web.Response(
        body=octets,
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def json_page(request: web.Request, body: Any) -> web.Response:
    """A JSON response with a weak ETag of its bytes; 304 if the client has them."""
    octets = json_bytes(body)
    headers: dict[str, str] = {hdrs.ETAG: weak_etag(sha256(octets).hexdigest()[:32])}
    return not_modified(request, headers) or _json_response(octets, 200, headers)


def weak_etag(version: str) -> str:
    """The entity tag of a version. It is weak because the content coding may differ."""
    return f'W/"{version}"'


def not_modified(request: web.Request, headers: Mapping[str, str]) -> web.Response | None:
    """A 304 with these headers if `If-None-Match` names the weak entity tag in them."""
    conditions = Conditions(if_none_match=conditions_of(request.headers).if_none_match)
    validators = Validators(headers[hdrs.ETAG][2:], 0)
    if failed_precondition(conditions, validators, now=0) is None:
        return None
    return web.Response(status=304, headers={"Cache-Control": "no-store", **headers})


async def built_json_response(build: Callable[[], Any], *, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response with the value that `build` returns. It may have several MiB, so a thread builds it."""
    octets = await asyncio.to_thread(lambda: json_bytes(build()))
    return _json_response(octets, 200, headers)


def whole_seconds(moment: datetime | None) -> datetime | None:
    """The moment without its fraction: our own times of recordings, media files and links have whole seconds."""
    return moment.replace(microsecond=0) if moment else None


class SentResponse(web.StreamResponse):
    """A response that is already written to the socket: aiohttp has nothing left to write."""

    def __init__(self, status: int, *, keep_alive: bool) -> None:
        super().__init__(status=status)
        if not keep_alive:
            self.force_close()
        self._reusable = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._reusable

    async def prepare(self, _request: BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, _data: bytes = b"") -> None:
        return None


@lru_cache(maxsize=64)
def sent_response(status: int, *, keep_alive: bool) -> SentResponse:
    """The response object for this status. It contains nothing of its request, so all requests share it."""
    return SentResponse(status, keep_alive=keep_alive)
