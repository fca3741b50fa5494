"""The text of an API key: how it is made, what is stored of it, what may be shown.

Knows: `{sk|rk}_{live|test}_` and 43 characters of base64url (256 random bits, RFC 4648 section 5, unpadded).
Refuses to know: databases, users, scopes. A key's text is shown once and never stored.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

RANDOM_BYTES: Final = 32
VISIBLE_CHARACTERS: Final = 12


def new_key(*, live: bool, restricted: bool, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A new key: `sk_` may do everything, `rk_` (restricted) what its scopes say."""
    body = urlsafe_b64encode(random_bytes(RANDOM_BYTES)).rstrip(b"=").decode()
    return f"{'rk' if restricted else 'sk'}_{'live' if live else 'test'}_{body}"


def digest(key: str) -> bytes:
    """What is stored of a key and looked up by: its SHA-256, 32 bytes.

    Any text may be asked about, also one that no key can have. A fast hash is enough: nobody can
    try 2**256 keys.
    """
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def visible_prefix(key: str) -> str:
    """The beginning of a key that lists and logs may show: its kind and four characters."""
    return key[:VISIBLE_CHARACTERS]
