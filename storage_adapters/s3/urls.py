"""Signs URLs, and returns the same URL for the same request while it is fresh.

Signing costs 0.5 ms, and the signature covers the time. So the same URL is returned until it is `reuse_seconds` old or
the credentials or the region have changed: browsers' caches hit, and a read of bytes needs no new signature. A URL
expires with temporary credentials, whatever its own expiry says.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from storage_adapters.s3.credentials import RenewableCredentials
from storage_adapters.s3.http_connections import Origin
from storage_adapters.s3.http_heads import opening_of_get

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials  # type: ignore[import-untyped]
    from types_aiobotocore_s3.client import S3Client

MAX_URLS: Final = 4096

Params = tuple[tuple[str, str | int], ...]
Request = tuple[str, Params, int]
"""Operation, parameters, lifetime in seconds: equal requests may get the same URL."""


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL as it must be sent, with the request, region and credentials that it was signed for and its expiry.

    `origin` (where to connect) and `opening` (the beginning of a GET) are derived from the URL once for all its uses.
    """

    request: Request
    url: str
    origin: Origin
    opening: str
    region: str
    credentials: "ReadOnlyCredentials"
    signed_at: datetime
    expires_at: datetime

    def at(self, location: str) -> "SignedUrl":
        """The URL that a redirect leads to."""
        url = urljoin(self.url, location)
        origin, opening = split_url(url)
        return replace(self, url=url, origin=origin, opening=opening)


class SignedUrls:
    """Signs URLs with the current client; caches the `capacity` URLs that were used last."""

    def __init__(
        self,
        client: Callable[[], "S3Client"],
        credentials: RenewableCredentials,
        now: Callable[[], datetime] = utc_now,
        capacity: int = MAX_URLS,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._now = now
        self._capacity = capacity
        self._cached: OrderedDict[Request, SignedUrl] = OrderedDict()

    async def get_object(self, params: Params, *, expires_in_seconds: int, reuse_seconds: float) -> SignedUrl:
        """A URL that reads an object, at most `reuse_seconds` old."""
        request: Request = ("get_object", params, expires_in_seconds)
        credentials = await self._credentials.get_frozen_credentials()
        known = self._cached.get(request)
        fresh_after = self._now() - timedelta(seconds=reuse_seconds)
        if (
            known is not None
            and known.signed_at > fresh_after
            and known.credentials == credentials
            and known.region == self._client().meta.region_name
        ):
            self._cached.move_to_end(request)
            return known
        signed = self._cached[request] = await self._sign(request, credentials)
        if len(self._cached) > self._capacity:
            self._cached.popitem(last=False)
        return signed

    async def put_object(self, params: Params, *, expires_in_seconds: int) -> SignedUrl:
        """A new URL that writes an object; never a cached one."""
        credentials = await self._credentials.get_frozen_credentials()
        return await self._sign(("put_object", params, expires_in_seconds), credentials)

    async def replace(self, refused: SignedUrl) -> None:
        """Forget a URL that S3 refused, and look for other credentials."""
        if self._cached.get(refused.request) is refused:
            del self._cached[refused.request]
        await self._credentials.renew(refused.credentials)

    async def _sign(self, request: Request, credentials: "ReadOnlyCredentials") -> SignedUrl:
        operation, params, lifetime = request
        signed_at = self._now()
        client = self._client()
        text = await client.generate_presigned_url(operation, Params=dict(params), ExpiresIn=lifetime)
        expires_at = signed_at + timedelta(seconds=lifetime)
        return SignedUrl(request, text, *split_url(text), client.meta.region_name, credentials, signed_at, expires_at)


def split_url(url: str) -> tuple[Origin, str]:
    """Where to connect for this URL, and how a GET of it begins. Quoting it again would break the signature."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    default_port = 443 if is_tls else 80
    origin = Origin(parts.hostname or "", parts.port or default_port, is_tls)
    # The signed Host omits a default port (RFC 9110 section 4.2.3).
    authority = parts.netloc.removesuffix(f":{default_port}")
    return origin, opening_of_get(f"{parts.path}?{parts.query}", authority)
