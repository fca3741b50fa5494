"""One ranged GET at a time: a presigned URL, a plain HTTP client, unsigned Range and If-Match.

Knows: how to ask S3 for a span of one version, and how each way of failing is told apart.
Refuses to know: windows, retries, and who reads.

    GET {presigned URL}
    Range: bytes=first-last
    If-Match: "etag"
    Accept-Encoding: identity

The SDK's get_object costs five times the CPU. A body is buffered by the HTTP client up to the span's
length, so the connection goes back to the pool as soon as S3 has sent it all, however slow the reader is.
"""

import asyncio
import re
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import aiohttp
from botocore.httpsession import get_cert_path  # type: ignore[import-untyped]

from storage_adapters.base import AccessDenied, ObjectStat, StorageError, StorageUnavailable
from storage_adapters.s3.answers import Span, judge
from storage_adapters.s3.bodies import Body, Connection, Interrupted
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.clients import KEEPALIVE_SECONDS, S3Clients
from storage_adapters.s3.errors import NETWORK_ERRORS, TRANSIENT_STATUSES, refused, translated
from storage_adapters.s3.options import KIB, S3Options
from storage_adapters.s3.urls import Params, SignedUrl, SignedUrls

URL_LIFETIME_SECONDS: Final = 3600
URL_REUSE_SECONDS: Final = 1800
"""Half of its lifetime: clocks may differ, and a refused URL costs a round trip."""

ERROR_BODY_LIMIT: Final = 4 * KIB
ERROR_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9._-]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What is read: the key as the caller knows it, as S3 knows it, and the version."""

    key: str
    request: Params
    stat: ObjectStat


class RangedGets:
    """The byte path's HTTP client. `connections` bounds how many are in use at once."""

    def __init__(
        self,
        urls: SignedUrls,
        connections: Budget,
        pool_timeout_seconds: float,
        pooled: aiohttp.ClientSession,
        unpooled: aiohttp.ClientSession,
    ) -> None:
        self._urls = urls
        self._connections = connections
        self._pool_timeout_seconds = pool_timeout_seconds
        self._pooled = pooled
        self._unpooled = unpooled

    async def get(self, version: ObjectVersion, span: Span, *, buffer_bytes: int, fresh_connection: bool) -> Body:
        """The answer to one GET, its head checked; the caller must `leave` it.

        At most `buffer_bytes` of it wait in memory, give or take a read from the socket.

        Raises Interrupted if the same request may be tried again, else a StorageError.
        """
        connection = await self._take_connection(version.key)
        try:
            session = self._unpooled if fresh_connection else self._pooled
            response = await self._answer(session, version, span, buffer_bytes)
            try:
                plan = judge(version.key, version.stat, span, response.status, response.headers)
            except StorageError:
                response.close()
                raise
        except BaseException:
            connection.give()
            raise
        return Body(response, connection, plan)

    async def _take_connection(self, key: str) -> Connection:
        wait_seconds = self._pool_timeout_seconds
        try:
            await self._connections.take(1, least=1, wait_seconds=wait_seconds)
        except TimeoutError:
            raise StorageUnavailable(key, f"no connection to S3 was free for {wait_seconds} s") from None
        return Connection(self._connections)

    async def _answer(
        self, session: aiohttp.ClientSession, version: ObjectVersion, span: Span, buffer_bytes: int
    ) -> aiohttp.ClientResponse:
        """A 200 or 206; after a refusal once more, signed anew and with other credentials if there are any."""
        signed = await self._sign(version)
        response = await self._send(session, signed, version.stat, span, buffer_bytes)
        if response.status in {200, 206}:
            return response
        refusal = await self._refusal(version.key, response)
        if not isinstance(refusal, AccessDenied):
            raise refusal
        with translated(version.key):
            await self._urls.replace(signed)
        response = await self._send(session, await self._sign(version), version.stat, span, buffer_bytes)
        if response.status in {200, 206}:
            return response
        raise await self._refusal(version.key, response)

    async def _sign(self, version: ObjectVersion) -> SignedUrl:
        with translated(version.key):
            return await self._urls.get_object(
                version.request, expires_in_seconds=URL_LIFETIME_SECONDS, reuse_seconds=URL_REUSE_SECONDS
            )

    async def _send(
        self, session: aiohttp.ClientSession, signed: SignedUrl, stat: ObjectStat, span: Span, buffer_bytes: int
    ) -> aiohttp.ClientResponse:
        headers = {"Range": span.header(), "If-Match": f'"{stat.etag}"', "Accept-Encoding": "identity"}
        try:
            return await session.get(
                signed.url, headers=headers, allow_redirects=False, read_bufsize=max(buffer_bytes // 2 + 1, 16 * KIB)
            )  # aiohttp pauses the socket at twice `read_bufsize`: never inside an exact answer
        except NETWORK_ERRORS as error:
            raise Interrupted(f"{type(error).__name__}: {error}", at_once=True) from error

    async def _refusal(self, key: str, response: aiohttp.ClientResponse) -> Exception:
        """The error that this answer is; its body is read for S3's code."""
        try:
            code = await error_code(response)
        finally:
            response.close()
        error = refused(key, response.status, code)
        if response.status in TRANSIENT_STATUSES:
            return Interrupted(error.reason)
        return error


async def open_gets(options: S3Options, clients: S3Clients, connections: Budget, stack: AsyncExitStack) -> RangedGets:
    """The byte path, for as long as the stack lives."""
    trust = await asyncio.to_thread(trust_of, clients.verify)
    # The number of connections is bounded by `connections`, with a bounded wait; aiohttp's own has none.
    pooled = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=trust)
    # A retry never trusts a pooled socket: the others may be as stale as the one that failed.
    unpooled = aiohttp.TCPConnector(limit=0, force_close=True, ssl=trust)
    sessions = [await stack.enter_async_context(open_session(options, each)) for each in (pooled, unpooled)]
    urls = SignedUrls(clients.direct, clients.credentials)
    return RangedGets(urls, connections, options.pool_timeout_seconds, *sessions)


def open_session(options: S3Options, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """A session that changes nothing on the way: no cookies, no decompression, no time limit on a whole body."""
    timeout = aiohttp.ClientTimeout(
        sock_connect=options.connect_timeout_seconds, sock_read=options.read_timeout_seconds
    )
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    )


def trust_of(verify: str | bool) -> ssl.SSLContext | bool:  # noqa: FBT001 - the SDK's own type for it
    """The SDK's `verify` in the words of aiohttp: the same certificates on both paths."""
    return ssl.create_default_context(cafile=get_cert_path(verify)) if verify else False


async def error_code(response: aiohttp.ClientResponse) -> str:
    """S3's own word for what is wrong, or nothing."""
    body = b""
    try:
        while len(body) < ERROR_BODY_LIMIT and (more := await response.content.read(ERROR_BODY_LIMIT)):
            body += more
    except NETWORK_ERRORS:
        return ""
    found = ERROR_CODE.search(body)
    return found[1].decode() if found else ""
