"""JSON responses, and the response object for bytes that were already written to the socket."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

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


async def built_json_response(build: Callable[[], Any], *, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response with the value that `build` returns. It may have several MiB, so a thread builds it."""
    octets = await asyncio.to_thread(lambda: json_bytes(build()))
    return _json_response(octets, 200, headers)


def whole_seconds(moment: datetime | None) -> datetime | None:
    """The moment without its fraction: both dialects write times to the second."""
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
