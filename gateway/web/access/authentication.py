"""Who is asking: an API key in a header, or a playback URL's signature.

Knows: both headers of both dialects, expiry and revocation, the order of refusals. Refuses to know: SQL and
the routes. An API key is never looked for in the query. A query that claims to be signed is judged by its
signature alone, whatever headers come with it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp import hdrs, web
from multidict import istr

from gateway import keys
from gateway.catalog import ApiKey, ApiKeys, Owner, Scope
from gateway.errors import Forbidden, RateLimited, Refusal, Unauthenticated
from gateway.protocol.signing import SIGNATURE_FIELDS, BadSignature, Disposition, Signer, parse_owner
from gateway.web.access.rate_limits import RateLimits
from gateway.web.exchange import EXCHANGE

X_API_KEY: Final = istr("X-API-Key")
_USE_RECORD_SECONDS: Final = 60.0


class Playback(NamedTuple):
    """What a playback URL permits, until `expires_at` (seconds since the epoch)."""

    owner: Owner
    disposition: Disposition
    expires_at: int


class Authenticator:
    """Tells whose recordings a request may touch; `now` is the clock in seconds since the epoch.

    `limits` count each key's requests, whatever becomes of them; None: nothing is counted.
    """

    def __init__(
        self,
        api_keys: ApiKeys,
        signer: Signer,
        limits: RateLimits | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._api_keys = api_keys
        self._signer = signer
        self._limits = limits
        self._now = now
        self._uses: dict[int, float] = {}

    @property
    def counts_requests(self) -> bool:
        """Whether each request has to be seen here."""
        return self._limits is not None

    async def authenticate(self, request: web.Request, scope: Scope) -> Owner:
        """Whose recordings the request's key opens; raises what `judge_key` raises."""
        return (await self.judge_key(request, scope)).owner

    async def judge_key(self, request: web.Request, scope: Scope) -> ApiKey:
        """The request's key, which is good now.

        Raises Unauthenticated for no key or a bad one, RateLimited for a good key that asks too often,
        Forbidden for one without the scope.
        """
        text = _presented_key(request)
        if not text:
            raise Unauthenticated("Missing API key")
        key = await self._api_keys.find_key(keys.digest(text))
        now = self._now()
        if key is None or key.revoked_at is not None or (key.expires_at and key.expires_at.timestamp() <= now):
            raise Unauthenticated("Invalid API key")
        exchange = request[EXCHANGE]
        exchange.principal = key.prefix
        if self._limits is not None:
            quota = exchange.quota = self._limits.take(key.id)
            if quota.retry_after_seconds:
                raise RateLimited("Too many requests", quota.retry_after_seconds)
        if scope not in key.scopes:
            raise Forbidden("Insufficient scope for this endpoint")
        if now - self._uses.get(key.id, 0.0) >= _USE_RECORD_SECONDS:
            await self._record_use(key, now)
        return key

    @staticmethod
    def claims_signature(request: web.Request) -> bool:
        """Whether the request is to be judged as a playback URL."""
        return "?" in request.raw_path and not SIGNATURE_FIELDS.isdisjoint(request.query)

    def verify_playback(self, request: web.Request, recording_id: int, media_file_id: int) -> Playback:
        """What the playback URL permits; raises Forbidden. Asks no database."""
        try:
            grant, expires = self._signer.verify(request.query, recording_id, media_file_id, now=self._now())
        except BadSignature as error:
            raise Forbidden(str(error)) from None
        request[EXCHANGE].principal = f"playback:{request.query['kid']}"
        return Playback(Owner(*parse_owner(grant.owner)), grant.disposition, expires)

    async def _record_use(self, key: ApiKey, now: float) -> None:
        self._uses[key.id] = now
        # A statistic: it never costs a request its answer, and is tried again a minute later.
        with suppress(Refusal):
            await self._api_keys.record_key_use(key.id)


def _presented_key(request: web.Request) -> str:
    """The key of the Vexa header, else of the Bota one (RFC 6750 section 2.1; the scheme in any case)."""
    key = request.headers.get(X_API_KEY, "").strip()
    if key:
        return key
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
