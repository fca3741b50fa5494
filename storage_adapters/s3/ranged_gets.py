"""Sends one ranged GET over our own connections: a presigned URL, with unsigned Range and If-Match headers.

    GET {presigned URL}
    Range: bytes=first-last
    If-Match: "etag"
    Accept-Encoding: identity

The SDK's get_object costs ten times the CPU. A body is buffered up to the span's length, so the connection returns to
the pool as soon as S3 has sent it all, however slow the reader is.
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
from storage_adapters.s3.connection_pool import Pool, PoolTimeout
from storage_adapters.s3.error_codes import (
    TRANSIENT_STATUSES,
    Interrupted,
    StaleConnection,
    UnexpectedResponse,
    refused,
    translated,
)
from storage_adapters.s3.http_heads import Head, ranged_get
from storage_adapters.s3.http_responses import Response
from storage_adapters.s3.range_responses import BodyPlan, Span, plan_body
from storage_adapters.s3.sdk_requests import S3Clients
from storage_adapters.s3.shared_limits import Budget
from storage_adapters.s3.urls import Params, SignedUrl, SignedUrls
from storage_adapters.storage_options import KIB, S3Options

URL_LIFETIME_SECONDS: Final = 3600
URL_REUSE_SECONDS: Final = 1800
"""Half of the lifetime: clocks may differ, and a refused URL costs a round trip."""

ATTEMPTS: Final = 4
"""One GET is sent at most this many times if S3 refuses the credentials or redirects it."""
REDIRECTS: Final = frozenset({301, 302, 307, 308})

ERROR_BODY_LIMIT: Final = 4 * KIB
ERROR_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9._-]{1,64})</Code>")
ERROR_REGION: Final = re.compile(rb"<Region>([a-z0-9-]{1,64})</Region>")

FAR_SECONDS: Final = 0.015
LATENCIES: Final = 128
"""This many of the last responses are recent."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """The version to read: the caller's key, the parameters of the request to S3, and the stat."""

    key: str
    request: Params
    stat: ObjectStat


class Redirected(Exception):
    """S3 answered that the bucket is in another region or at another URL."""

    def __init__(self, region: str | None, location: str | None) -> None:
        super().__init__(f"S3 redirects to region {region!r}, location {location!r}")
        self.region = region
        self.location = location


class RangedGets:
    """The HTTP client that reads objects' bytes."""

    def __init__(self, clients: S3Clients, pool: Pool) -> None:
        self._clients = clients
        self._urls = SignedUrls(lambda: clients.direct, clients.credentials)
        self._pool = pool
        self._was_near = False
        self._far_in_a_row = 0
        self.traffic = pool.traffic

    @property
    def is_far(self) -> bool:
        """Whether S3 is far, where one connection is slow: no recent response began within FAR_SECONDS."""
        return self._far_in_a_row >= (LATENCIES if self._was_near else 1)

    def _count(self, seconds: float) -> None:
        """Count a response that began after this time."""
        self.traffic.count_response(seconds)
        if seconds > FAR_SECONDS:
            self._far_in_a_row += 1
        else:
            self._was_near, self._far_in_a_row = True, 0

    async def get(
        self, version: ObjectVersion, span: Span, *, buffer_bytes: int, fresh_connection: bool
    ) -> tuple[Response, BodyPlan]:
        """Send one GET; return the response, its head checked, and how to use its body.

        The caller must `leave` the response. At most `buffer_bytes` of the body, plus one read from the socket, wait in
        memory.

        Raises Interrupted if the same request may be sent again, else a StorageError.
        """
        response, head = await self._request(version, span, limit=buffer_bytes, fresh=fresh_connection)
        try:
            plan = plan_body(version.key, version.stat, span, head)
        except StorageError as error:
            response.abandon()
            raise UnexpectedResponse(error) from error
        response.skip = plan.skip
        return response, plan

    async def _request(self, version: ObjectVersion, span: Span, *, limit: int, fresh: bool) -> tuple[Response, Head]:
        """The 200 or 206; tries other credentials once after a refusal, and follows redirects."""
        signed = await self._sign(version)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._send(signed, version, span, limit=limit, fresh=fresh)
            except AccessDenied:
                if attempt > 1:
                    raise
                with translated(version.key):
                    await self._urls.replace(signed)
                signed = await self._sign(version)
            except Redirected as redirect:
                signed = await self._follow(redirect, signed, version)
        raise AccessDenied(version.key, f"S3 still redirects after {ATTEMPTS} requests, now to {signed.origin.host}")

    async def _sign(self, version: ObjectVersion) -> SignedUrl:
        with translated(version.key):
            return await self._urls.get_object(
                version.request, expires_in_seconds=URL_LIFETIME_SECONDS, reuse_seconds=URL_REUSE_SECONDS
            )

    async def _follow(self, redirect: Redirected, signed: SignedUrl, version: ObjectVersion) -> SignedUrl:
        """The URL to request instead. Raises AccessDenied if S3 does not say where the bucket is."""
        if redirect.region is not None and redirect.region != signed.region:
            await self._clients.use_region(redirect.region)
            return await self._sign(version)
        if redirect.location is None:
            raise AccessDenied(version.key, f"{redirect}: set the storage's region and endpoint_url")
        return signed.at(redirect.location)

    async def _send(
        self, signed: SignedUrl, version: ObjectVersion, span: Span, *, limit: int, fresh: bool
    ) -> tuple[Response, Head]:
        try:
            return await self._exchange(signed, version, span, limit=limit, fresh=fresh)
        except StaleConnection:
            return await self._exchange(signed, version, span, limit=limit, fresh=True)

    async def _exchange(
        self, signed: SignedUrl, version: ObjectVersion, span: Span, *, limit: int, fresh: bool
    ) -> tuple[Response, Head]:
        """Send the request once and wait for the head. Raises the error that a refusal means."""
        try:
            connection = await self._pool.take(signed.origin, fresh=fresh)
        except PoolTimeout as error:
            raise StorageUnavailable(version.key, str(error)) from None
        asked_at = time.perf_counter()
        response = connection.ask(ranged_get(signed.opening, span.header(), version.stat.etag), limit=limit)
        try:
            head = await response.begun()
            self._count(time.perf_counter() - asked_at)
            if head.status in {200, 206}:
                return response, head
            refusal = await refusal_of(version.key, head, response, signed.region)
        except BaseException:
            response.abandon()
            raise
        await response.leave()
        raise refusal


async def open_gets(options: S3Options, clients: S3Clients, connections: Budget, stack: AsyncExitStack) -> RangedGets:
    """The client for reading bytes; the stack closes its connections."""
    pool = Pool(options, connections, await asyncio.to_thread(tls_context_of, clients.verify))
    stack.push_async_callback(pool.close)
    return RangedGets(clients, pool)


def tls_context_of(verify: str | bool) -> ssl.SSLContext:  # noqa: FBT001 - the SDK's own type for it
    """The SDK's `verify` as a TLS context, so that the SDK and our connections trust the same certificates."""
    if verify:
        return ssl.create_default_context(cafile=get_cert_path(verify))
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust


async def refusal_of(key: str, head: Head, response: Response, region: str) -> Exception:
    """The error that this response means, by the code and the region in its body."""
    body = b""
    with suppress(Interrupted):
        while len(body) < ERROR_BODY_LIMIT and (more := await response.read()):
            body += more
    code, wanted = ERROR_CODE.search(body), ERROR_REGION.search(body)
    error = refused(key, head.status, code[1].decode() if code else "")
    if head.status < 300:
        return UnexpectedResponse(error)
    if head.status in TRANSIENT_STATUSES:
        return Interrupted(error.reason)
    elsewhere = head.fields.get("x-amz-bucket-region") or (wanted[1].decode() if wanted else None)
    if head.status in REDIRECTS or (elsewhere is not None and elsewhere != region and head.status in {400, 403}):
        return Redirected(elsewhere, head.fields.get("location"))
    return error
