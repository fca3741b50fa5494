"""JSON request bodies, bounded in bytes and time before anything parses them.

orjson refuses a document that is nested more than 1,024 deep. No code here or in its callers recurses deeper than a
limit of its own.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.errors import Fault, Invalid, Unavailable
from gateway.web.exchange import EXCHANGE
from gateway.web.receiving.expectations import check_coding, permit_body

MAX_JSON_BYTES: Final = 64 * 1024
MAX_JSON_SECONDS: Final = 10.0
MAX_ARRIVING: Final = 256
"""At most this many bodies arrive at a time; of one API key, at most MAX_ARRIVING_OF_A_KEY."""
MAX_ARRIVING_OF_A_KEY: Final = 64
_RETRY_SECONDS: Final = 2

# Strings, and the structural characters outside of them (RFC 8259 section 2).
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},:]', re.DOTALL)
_WHITE_SPACE: Final = " \t\n\r"


class JsonBodies:
    """Reads bodies into memory. One is shared by all routes of a process, and counts the bodies that are arriving."""

    def __init__(self) -> None:
        self._arriving: Counter[int | None] = Counter()

    async def read_bytes(self, request: web.Request) -> bytes:
        """The request's body; a second call returns the same bytes.

        Raises HTTPRequestEntityTooLarge, HTTPUnsupportedMediaType, HTTPRequestTimeout, Unavailable or Invalid.
        """
        length = request.content_length
        if length is not None and length > MAX_JSON_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_JSON_BYTES, actual_size=length)
        check_coding(request)
        await permit_body(request)
        try:
            async with asyncio.timeout(MAX_JSON_SECONDS):
                with self.permit(request):
                    return await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except web.RequestPayloadError as error:
            raise _not_json("The body is malformed, or ends early") from error

    async def read_object(self, request: web.Request) -> dict[str, Any]:
        """The body as a JSON object. Raises what `read_bytes` raises, and Invalid."""
        octets = await self.read_bytes(request)
        try:
            document = orjson.loads(octets)
        except ValueError as error:
            raise _not_json(f"The body should be JSON: {error}") from None
        if not isinstance(document, dict):
            raise _not_json("The body should be a JSON object")
        return document

    @contextmanager
    def permit(self, request: web.Request) -> Iterator[None]:
        """Permit the block to read a body into memory. Raises Unavailable if too many bodies are arriving.

        A body that has arrived already needs no permit.
        """
        key_id = request[EXCHANGE].key_id
        if request.content.is_eof():
            yield
            return
        if self._arriving.total() >= MAX_ARRIVING or self._arriving[key_id] >= MAX_ARRIVING_OF_A_KEY:
            raise Unavailable("Too many request bodies are arriving", _RETRY_SECONDS)
        self._arriving[key_id] += 1
        try:
            yield
        finally:
            self._arriving[key_id] -= 1
            if not self._arriving[key_id]:
                del self._arriving[key_id]


def member_text(text: str, name: str) -> str:
    """The text of an object's member exactly as it was written.

    `text` is an object that orjson has parsed, and contains the member. If several members have that name, the last one
    counts, as for orjson.
    """
    found, depth, start, member = "", 0, 0, None
    for match in _TOKENS.finditer(text):
        mark = match[0]
        depth -= mark in "]}"
        if depth == 1 and mark[0] == '"' and member is None:
            member = orjson.loads(mark)
        elif depth == 1 and mark == ":":
            start = match.end()
        elif (depth == 1 and mark == ",") or depth == 0:
            found = text[start : match.start()].strip(_WHITE_SPACE) if member == name else found
            member = None
        depth += mark in "[{"
    return found


def _not_json(message: str) -> Invalid:
    return Invalid(Fault("json", ("body",), message))
