"""Reads bodies that are too large to hold in memory, and checks them before, during and after reading.

Content-Length, Content-Type, Content-MD5 (RFC 1864) and S3's `x-amz-checksum-sha256` are checked. A fault is raised
inside the loop that reads the body, so that the caller, which writes it, can remove what it wrote.

    length declared and wrong     400, before a byte is read
    longer than permitted         413, before a byte is read if the length is declared
    not what was promised         400 (length, digest), 415 (type, coding)
    silent for too long, too slow 408
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from aiohttp import hdrs, web

from gateway.catalog import MediaFile
from gateway.errors import Fault, Invalid
from gateway.protocol.conditional import Validators, refuses_change
from gateway.web.conditions import conditions_of
from gateway.web.receiving.expectations import check_coding, permit_body

Piece = TypeVar("Piece")

_CHECKSUM_FIELDS: Final[dict[str, Callable[[], Any]]] = {
    "Content-MD5": lambda: hashlib.md5(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}


StreamsOf = Callable[[Hashable], AbstractContextManager[None]]
"""Counts the transfer of one file for the API key with this id (None for no key) while the block runs.

Raises Unavailable or RateLimited."""


class ReceiveLimits(NamedTuple):
    """How long a client may send nothing, and how slowly it may send; a rate of 0 permits any."""

    stall_timeout_seconds: float
    least_bytes_per_second: float


class Pace:
    """Measures how fast one body arrives. Only the time spent waiting for the client counts, not our own writing.

    The rate is measured over windows of at least the stall time-out, so that a pause within it is never a fault.
    """

    def __init__(self, limits: ReceiveLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._waited = 0.0
        self._received = 0

    async def next(self, reading: Awaitable[Piece]) -> Piece:
        """The next piece that the client sends. Raises HTTPRequestTimeout if the client is silent or too slow."""
        stall, least = self._limits
        started = self._clock()
        try:
            async with asyncio.timeout(stall):
                piece = await reading
        except TimeoutError:
            raise web.HTTPRequestTimeout(reason=f"Nothing arrived for {stall:g} seconds") from None
        self._waited += self._clock() - started
        self._received += len(piece) if isinstance(piece, bytes) else 0
        if self._waited >= stall:
            if self._received < least * self._waited:
                raise web.HTTPRequestTimeout(reason=f"Uploads send at least {least:g} bytes per second")
            self._waited, self._received = 0.0, 0
        return piece


@dataclass(frozen=True, slots=True)
class Allowance:
    """Which body is accepted: at most `most` bytes, exactly `exact` unless None, of `content_type` unless None."""

    most: int
    exact: int | None
    content_type: str | None
    receive_limits: ReceiveLimits


class Checksum:
    """A declared digest, and the digest of the bytes that arrived."""

    def __init__(self, name: str, declared: str, start: Callable[[], Any]) -> None:
        self.name = name
        self._digest = start()
        self._declared = _decoded(name, declared, self._digest.digest_size)
        self.update: Callable[[bytes], None] = self._digest.update

    def matches(self) -> bool:
        """Whether both digests are equal."""
        return hmac.compare_digest(self._declared, self._digest.digest())


@asynccontextmanager
async def accepted(request: web.Request, allowance: Allowance) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
    """The request's body in chunks, once its head is accepted. Raises Invalid or an HTTPException."""
    _check_length(request.content_length, allowance)
    _check_type(request, allowance)
    checksums = declared_checksums(request)
    await permit_body(request)
    async with (
        aclosing(read(request, allowance.receive_limits)) as chunks,
        aclosing(checked(chunks, allowance, checksums)) as body,
    ):
        yield body


def check_preconditions(request: web.Request, media: MediaFile) -> None:
    """Raise HTTPPreconditionFailed unless the conditions hold for the earlier upload (RFC 9110 section 13)."""
    conditions = conditions_of(request.headers)
    if media.etag is None or media.object_modified_at is None:
        failed = conditions.if_match is not None
    else:
        validators = Validators(f'"{media.etag}"', int(media.object_modified_at.timestamp()))
        failed = refuses_change(conditions, validators, now=time.time())
    if failed:
        raise web.HTTPPreconditionFailed(reason="The earlier upload does not meet the request's conditions")


def declared_checksums(request: web.Request) -> Sequence[Checksum]:
    """The checksums that the head declares. Raises Invalid for a malformed one."""
    return [
        Checksum(name, request.headers[name], start)
        for name, start in _CHECKSUM_FIELDS.items()
        if name in request.headers
    ]


async def read(request: web.Request, limits: ReceiveLimits) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives. While the caller writes a piece, nothing is read from the socket."""
    pace = Pace(limits)
    try:
        # Not `read(n)`: aiohttp then reads up to 2n + 250 KB ahead, whatever its limit is.
        while chunk := await pace.next(request.content.readany()):
            _set_reading(request, wanted=False)
            yield chunk
            _set_reading(request, wanted=True)
    except web.RequestPayloadError as error:
        raise _invalid("body", "It is malformed, or ends early") from error
    finally:
        _set_reading(request, wanted=True)


def _set_reading(request: web.Request, *, wanted: bool) -> None:
    """Let the transport read what the client sends, or not."""
    transport = request.transport
    if transport is not None and transport.is_reading() != wanted and not request.content.is_eof():
        (transport.resume_reading if wanted else transport.pause_reading)()


async def checked(
    chunks: AsyncIterable[bytes], allowance: Allowance, checksums: Sequence[Checksum]
) -> AsyncGenerator[bytes, None]:
    """Yield the same chunks. Raises once there are too many bytes, or at the end if they differ from what was declared."""
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > allowance.most:
            _check_length(received, allowance)
        for checksum in checksums:
            checksum.update(chunk)
        yield chunk
    _check_length(received, allowance)
    for checksum in checksums:
        if not checksum.matches():
            raise _invalid(checksum.name, "The bytes that arrived have another checksum")


def _check_length(length: int | None, allowance: Allowance) -> None:
    """Raise Invalid for a length other than promised, HTTPRequestEntityTooLarge for one that is not permitted."""
    if length is None:
        return
    if allowance.exact is not None and length != allowance.exact:
        raise _invalid(hdrs.CONTENT_LENGTH, f"There are {length} bytes, and {allowance.exact} were promised")
    if length > allowance.most:
        raise web.HTTPRequestEntityTooLarge(max_size=allowance.most, actual_size=length)


def _check_type(request: web.Request, allowance: Allowance) -> None:
    check_coding(request)
    given = essence(request.headers.get(hdrs.CONTENT_TYPE, ""))
    if allowance.content_type is not None and given != essence(allowance.content_type):
        raise web.HTTPUnsupportedMediaType(reason=f"Content-Type {allowance.content_type} was promised")


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def _decoded(name: str, text: str, size: int) -> bytes:
    try:
        digest = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != size:
        raise _invalid(name, f"It should be {size} bytes in base64")
    return digest


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(Fault("upload", ("header", field), text))
