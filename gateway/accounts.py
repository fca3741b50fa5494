"""Creating API keys for users."""

from collections.abc import Callable
from datetime import datetime

from gateway.catalog import ALL_SCOPES, ApiKey, ApiKeys, Owner, Scope
from gateway.keys import digest, new_key, visible_prefix


async def issue_key(
    api_keys: ApiKeys,
    owner: Owner,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    expires_at: datetime | None = None,
    name: str | None = None,
    make: Callable[..., str] = new_key,
) -> tuple[str, ApiKey]:
    """A new key: its text, which is shown once and stored nowhere, and the key as stored."""
    key = make(live=owner.live, restricted=scopes != ALL_SCOPES)
    stored = await api_keys.create_key(
        digest=digest(key),
        prefix=visible_prefix(key),
        owner=owner,
        scopes=scopes,
        expires_at=expires_at,
        name=name,
    )
    return key, stored
