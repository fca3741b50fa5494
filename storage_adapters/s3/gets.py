"""One ranged GET at a time: a presigned URL, a connection of our own, unsigned Range and If-Match.

Knows: how to ask S3 for a span of one version, and how each way of failing is told apart.
Refuses to know: windows, retries, and who reads.

    GET {presigned URL}
    Range: bytes=first-last
    If-Match: "etag"
    Accept-Encoding: identity

The SDK's get_object costs ten times the CPU. A body is buffered up to the span's length, so the connection
goes back to the pool as soon as S3 has sent it all, however slow the reader is.
"""

import asyncio
import re
import ssl
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Final

from botocore.httpsession import get_cert_path  # type: ignore[import-untyped]

from storage_adapters.base import AccessDenied, ObjectStat, StorageError, StorageUnavailable
from storage_adapters.s3.answers import Span, judge
from storage_adapters.s3.bodies import Body
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.clients import S3Clients
from storage_adapters.s3.connection_pool import NoneFree, Pool
from storage_adapters.s3.error_codes import TRANSIENT_STATUSES, Interrupted, Stale, refused, translated
from storage_adapters.s3.get_responses import Response
from storage_adapters.s3.response_heads import Head, ranged_get
from storage_adapters.s3.urls import Params, SignedUrl, SignedUrls
from storage_adapters.storage_options import KIB, S3Options

URL_LIFETIME_SECONDS: Final = 3600
URL_REUSE_SECONDS: Final = 1800
"""Half of its lifetime: clocks may differ, and a refused URL costs a round trip."""

ERROR_BODY_LIMIT: Final = 4 * KIB
ERROR_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9._-]{1,64})</Code>")
LAST_CHUNK: Final = b"0\r\n\r\n"
"""The end of a chunked body (RFC 9112 section 7.1)."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What is read: the key as the caller knows it, as S3 knows it, and the version."""

    key: str
    request: Params
    stat: ObjectStat


class RangedGets:
    """The byte path's HTTP client."""

    def __init__(self, urls: SignedUrls, pool: Pool) -> None:
        self._urls = urls
        self._pool = pool
        self.traffic = pool.traffic

    def has_spare_connection(self) -> bool:
        """Whether a connection can be used that others will hardly miss."""
        return self._pool.has_spare()

    async def get(self, version: ObjectVersion, span: Span, *, buffer_bytes: int, fresh_connection: bool) -> Body:
        """The answer to one GET, its head checked; the caller must `leave` it.

        At most `buffer_bytes` of it wait in memory, give or take a read from the socket.

        Raises Interrupted if the same request may be tried again, else a StorageError.
        """
        response, head = await self._answer(version, span, limit=buffer_bytes, fresh=fresh_connection)
        try:
            plan = judge(version.key, version.stat, span, head.status, head.fields)
        except StorageError:
            response.abandon()
            raise
        return Body(response, plan)

    async def _answer(self, version: ObjectVersion, span: Span, *, limit: int, fresh: bool) -> tuple[Response, Head]:
        """A 200 or 206; after a refusal once more, signed anew and with other credentials if there are any."""
        signed = await self._sign(version)
        try:
            return await self._send(signed, version, span, limit=limit, fresh=fresh)
        except AccessDenied:
            with translated(version.key):
                await self._urls.replace(signed)
        return await self._send(await self._sign(version), version, span, limit=limit, fresh=fresh)

    async def _sign(self, version: ObjectVersion) -> SignedUrl:
        with translated(version.key):
            return await self._urls.get_object(
                version.request, expires_in_seconds=URL_LIFETIME_SECONDS, reuse_seconds=URL_REUSE_SECONDS
            )

    async def _send(
        self, signed: SignedUrl, version: ObjectVersion, span: Span, *, limit: int, fresh: bool
    ) -> tuple[Response, Head]:
        try:
            return await self._exchange(signed, version, span, limit=limit, fresh=fresh)
        except Stale:
            return await self._exchange(signed, version, span, limit=limit, fresh=True)

    async def _exchange(
        self, signed: SignedUrl, version: ObjectVersion, span: Span, *, limit: int, fresh: bool
    ) -> tuple[Response, Head]:
        """One request, and the beginning of its response. Raises what a refusal is."""
        try:
            connection = await self._pool.take(signed.origin, fresh=fresh)
        except NoneFree as error:
            raise StorageUnavailable(version.key, str(error)) from None
        asked_at = time.perf_counter()
        response = connection.ask(ranged_get(signed.opening, span.header(), version.stat.etag), limit=limit)
        try:
            head = await response.begun()
            self.traffic.answer(time.perf_counter() - asked_at)
            if head.status in {200, 206}:
                return response, head
            refusal = await refusal_of(version.key, head.status, response)
        except BaseException:
            response.abandon()
            raise
        response.abandon()
        raise refusal


async def open_gets(options: S3Options, clients: S3Clients, connections: Budget, stack: AsyncExitStack) -> RangedGets:
    """The byte path, for as long as the stack lives."""
    pool = Pool(options, connections, await asyncio.to_thread(trust_of, clients.verify))
    stack.push_async_callback(pool.close)
    return RangedGets(SignedUrls(clients.direct, clients.credentials), pool)


def trust_of(verify: str | bool) -> ssl.SSLContext:  # noqa: FBT001 - the SDK's own type for it
    """The SDK's `verify` in the words of TLS: the same certificates on both paths."""
    if verify:
        return ssl.create_default_context(cafile=get_cert_path(verify))
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust


async def refusal_of(key: str, status: int, response: Response) -> Exception:
    """The error that this answer is; its body is read for S3's code."""
    error = refused(key, status, await error_code(response))
    return Interrupted(error.reason) if status in TRANSIENT_STATUSES else error


async def error_code(response: Response) -> str:
    """S3's own word for what is wrong, or nothing. A chunked body is taken as it is: the word survives that."""
    body = b""
    with suppress(Interrupted):
        while len(body) < ERROR_BODY_LIMIT and not body.endswith(LAST_CHUNK) and (more := await response.read()):
            body += more
    found = ERROR_CODE.search(body)
    return found[1].decode() if found else ""
