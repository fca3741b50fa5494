"""Authentication: by an API key in a header field, or by the signature of a playback URL.

Both header fields (X-API-Key and Authorization) are accepted in both dialects; an API key is never read from the query.
If the query has any field of a signature, only the signature counts, whatever header fields come with it. A URL that
was signed for an API key is valid only while that key is.
"""

import time
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp import hdrs, web
from multidict import istr

from gateway import keys
from gateway.catalog import ApiKey, ApiKeys, Owner, Scope, Validity
from gateway.errors import Forbidden, RateLimited, Refusal, Unauthenticated
from gateway.protocol.signing import SIGNATURE_FIELDS, BadSignature, Disposition, Signer, parse_owner
from gateway.web.access.rate_limits import RateLimits
from gateway.web.exchange import EXCHANGE

X_API_KEY: Final = istr("X-API-Key")
_USE_RECORD_SECONDS: Final = 60.0


class Playback(NamedTuple):
    """What a playback URL permits until `expires_at` (seconds since the epoch), while `permission` holds.

    It also ends when the signing keys get another `generation`. If `is_shared`, the URL was signed for a share link, whose
    viewers may not learn who the owner is.
    """

    owner: Owner
    disposition: Disposition
    expires_at: float
    permission: Validity
    generation: int
    is_shared: bool


class Authenticator:
    """Finds the owner whose recordings a request may use.

    `limits` count the requests of each key, including refused ones; None counts nothing.
    """

    def __init__(
        self,
        api_keys: ApiKeys,
        signer: Signer,
        limits: RateLimits | None = None,
    ) -> None:
        self._api_keys = api_keys
        self._signer = signer
        self._limits = limits
        self._uses: dict[int, float] = {}

    @property
    def generation(self) -> int:
        """The generation of the signing keys that verify playback URLs now."""
        return self._signer.keys.generation

    async def authenticate(self, request: web.Request, scope: Scope) -> Owner:
        """The owner of the request's key. Raises the same as `authorize_key`."""
        return (await self.authorize_key(request, scope)).owner

    async def authorize_key(self, request: web.Request, scope: Scope, *, is_counted: bool = True) -> ApiKey:
        """The request's key, which is valid now; `is_counted` says whether the request counts against its rate limit.

        Raises Unauthenticated without a valid key, RateLimited for a key that sends too many requests,
        Forbidden for a key that lacks the scope.
        """
        exchange = request[EXCHANGE]
        exchange.by_key = True
        text = _presented_key(request)
        if not text:
            raise Unauthenticated("Missing API key")
        key = await self._api_keys.find_key(keys.digest(text))
        now = time.time()
        if key is None or key.recording_id is not None or not _is_valid(key, now):
            raise Unauthenticated("Invalid API key")
        exchange.principal, exchange.key_id = key.prefix, key.id
        if is_counted and self._limits is not None:
            quota = self._limits.take(key.id)
            exchange.quota = quota.headers()
            if quota.retry_after_seconds:
                raise RateLimited("Too many requests", quota.retry_after_seconds)
        if scope not in key.scopes:
            raise Forbidden("Insufficient scope for this endpoint")
        if now - self._uses.get(key.id, 0.0) >= _USE_RECORD_SECONDS:
            await self._record_use(key, now)
        return key

    @staticmethod
    def claims_signature(request: web.Request) -> bool:
        """Whether the request counts as a playback URL."""
        return "?" in request.raw_path and not SIGNATURE_FIELDS.isdisjoint(request.query)

    async def verify_playback(self, request: web.Request, recording_id: int, media_file_id: int) -> Playback:
        """What the playback URL permits; raises Forbidden. The signature is checked before any look-up."""
        try:
            grant, expires = self._signer.verify(request.query, recording_id, media_file_id, now=time.time())
        except BadSignature as error:
            raise Forbidden(str(error)) from None
        # Read before anything is awaited: the keys may be replaced meanwhile.
        generation = self.generation
        ends: float = expires
        permission, is_shared = Validity(), False
        if grant.key_id is None:
            owner = Owner(*parse_owner(grant.owner))
        else:
            key = await self.check_key_of_url(grant.key_id, Scope.RECORDINGS_READ, "Playback URL")
            ends = min(ends, key.expires_at.timestamp() if key.expires_at else ends)
            owner, permission, is_shared = key.owner, key.validity, key.recording_id is not None
        request[EXCHANGE].principal = f"playback:{request.query['kid']}"
        return Playback(owner, grant.disposition, ends, permission, generation, is_shared)

    async def check_key_of_url(self, key_id: int, scope: Scope, url: str) -> ApiKey:
        """The key that a URL was signed for; raises Forbidden if the key is not valid now.

        `url` is the refusal's name of the URL. The look-up is cached until the key changes.
        """
        key = await self._api_keys.find_key_by_id(key_id)
        if key is None or not _is_valid(key, time.time()) or not _permits(key, scope):
            raise Forbidden(f"{url} is not valid any more: the API key that made it was revoked or has expired")
        return key

    async def _record_use(self, key: ApiKey, now: float) -> None:
        self._uses[key.id] = now
        # This is only a statistic: a failure must not fail the request. A minute later, another request tries again.
        with suppress(Refusal):
            await self._api_keys.record_key_use(key.id)


def _permits(key: ApiKey, scope: Scope) -> bool:
    """Whether a URL that was signed for the key may do this; URLs of a share link may only read."""
    return scope == Scope.RECORDINGS_READ if key.recording_id is not None else scope in key.scopes


def _is_valid(key: ApiKey, now: float) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at.timestamp() > now)


def _presented_key(request: web.Request) -> str:
    """The key in X-API-Key, else the bearer token (RFC 6750 section 2.1; the scheme in any case).

    Raises Unauthenticated for a field with two different values: no guess whose recordings are meant.
    """
    key = _only_value(request, X_API_KEY)
    if key:
        return key
    return bearer_token(request)


def bearer_token(request: web.Request) -> str:
    """The bearer token; empty without one. Raises Unauthenticated for two different values of Authorization."""
    scheme, _, token = _only_value(request, hdrs.AUTHORIZATION).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _only_value(request: web.Request, name: str) -> str:
    values = {_text(value) for value in request.headers.getall(name, ())} - {""}
    if len(values) > 1:
        raise Unauthenticated("Invalid API key")
    return values.pop() if values else ""


def _text(field: str) -> str:
    """The field's value. Octets that are not UTF-8, which aiohttp escapes, are read as Latin-1, as Vexa does."""
    if not field.isascii():
        octets = field.encode("utf-8", "surrogateescape")
        with suppress(UnicodeDecodeError):
            return octets.decode().strip()
        return octets.decode("latin-1").strip()
    return field.strip()
