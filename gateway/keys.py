"""API keys: `{sk|rk}_{live|test}_` and 43 characters of base64url (256 random bits, RFC 4648 section 5).

The text of a key is shown once and never stored. Keys that come from elsewhere may be any text.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.catalog import ALL_SCOPES, ApiKey, ApiKeys, Owner, Scope

RANDOM_BYTES: Final = 32
VISIBLE_CHARACTERS: Final = 12
# Nothing of a shorter key may be shown: the rest of it could be guessed.
LONG_CHARACTERS: Final = 32


def new_key(*, live: bool, restricted: bool, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A new key: `sk_` may do everything, `rk_` (restricted) what its scopes say."""
    body = urlsafe_b64encode(random_bytes(RANDOM_BYTES)).rstrip(b"=").decode()
    return f"{'rk' if restricted else 'sk'}_{'live' if live else 'test'}_{body}"


def digest(key: str) -> bytes:
    """The SHA-256 of a key (32 bytes), which is stored instead of the key, and by which the key is found.

    A fast hash is enough, because nobody can try 2**256 keys.
    """
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def visible_prefix(key: str) -> str:
    """The beginning of a key that lists and logs may show: its kind and four characters, nothing of a short key."""
    return key[:VISIBLE_CHARACTERS] if len(key) >= LONG_CHARACTERS else ""


async def issue_key(
    api_keys: ApiKeys,
    owner: Owner,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    expires_at: datetime | None = None,
    name: str | None = None,
    make: Callable[..., str] = new_key,
) -> tuple[str, ApiKey]:
    """Create a key and return its text and the key as stored. `make` generates the text, as `new_key` does."""
    key = make(live=owner.live, restricted=scopes != ALL_SCOPES)
    stored = await api_keys.create_key(
        digest=digest(key), prefix=visible_prefix(key), owner=owner, scopes=scopes, expires_at=expires_at, name=name
    )
    return key, stored
