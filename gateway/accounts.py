"""Making keys for users.

Knows: that a key's visible prefix must be its own, and that a clash is answered by another key.
Refuses to know: SQL, the command line, and how a key's text is made.
"""

from collections.abc import Callable
from datetime import datetime

from gateway.catalog import ALL_SCOPES, ApiKey, ApiKeys, Owner, Scope
from gateway.errors import Conflict
from gateway.keys import digest, new_key, visible_prefix

ATTEMPTS = 100


async def issue_key(
    api_keys: ApiKeys,
    owner: Owner,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    expires_at: datetime | None = None,
    make: Callable[..., str] = new_key,
) -> tuple[str, ApiKey]:
    """A new key: its text, which nobody will see again, and what is stored of it.

    Raises Conflict if every one of 100 keys clashed with an old one.
    """
    for _ in range(ATTEMPTS):
        key = make(live=owner.live, restricted=scopes != ALL_SCOPES)
        try:
            stored = await api_keys.create_key(
                digest=digest(key), prefix=visible_prefix(key), owner=owner, scopes=scopes, expires_at=expires_at
            )
        except Conflict:
            continue
        return key, stored
    raise Conflict("No key with a prefix of its own could be made")
