"""API keys as they are stored, and the gateway's own signing key.

The text of a key is never stored, only its digest (SHA-256, 32 bytes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.catalog.owners import Owner, Scope
from gateway.catalog.validity import NOT_CACHED, Validity


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored, without its text. `prefix` is its first 12 characters, empty for a short key; it is not unique.

    A key with a `recording_id` is a share link: it cannot authenticate a request; playback URLs of that recording can
    be signed through it.
    """

    id: int
    prefix: str
    owner: Owner
    email: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    recording_id: int | None = None
    name: str | None = None
    validity: Validity = field(default=NOT_CACHED, compare=False, repr=False)


class ApiKeys(Protocol):
    """Looks keys up by the SHA-256 digest (32 bytes) of their text, creates, lists and revokes them."""

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """The key, even if it has expired or was revoked: the caller compares the timestamps with the clock."""

    async def find_key_by_id(self, key_id: int) -> ApiKey | None:
        """Like `find_key`, by the id of the key. The result is cached too, so that a repeated look-up runs no SQL."""

    async def create_key(
        self,
        *,
        digest: bytes,
        prefix: str,
        owner: Owner,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        name: str | None = None,
    ) -> ApiKey:
        """Add a key. `name` is a label that only the operator sees.

        Raises Conflict if the digest is taken, Invalid for a name that cannot be stored.
        """

    async def list_keys(self) -> Sequence[ApiKey]:
        """Every key, newest first."""

    async def revoke_key(self, prefix_or_id: str) -> ApiKey | None:
        """Revoke immediately; None if no key has this prefix or id. Revoking again keeps the first timestamp.

        Raises Conflict if several keys have the prefix.
        """

    async def record_key_use(self, key_id: int) -> None:
        """Update `last_used_at`; at most one write a minute reaches the disk."""

    async def ensure_user(self, email: str) -> int:
        """The id of the user with this address (compared without case); the user is created if absent."""


class SigningSecrets(Protocol):
    """Stores the playback signing key that the gateway generated."""

    async def ensure_signing_key(self, kid: str, secret: bytes) -> tuple[str, bytes]:
        """The newest stored (kid, secret). If none is stored, store the given one and return it."""

    async def find_signing_key(self) -> tuple[str, bytes] | None:
        """The newest stored (kid, secret)."""

    async def replace_signing_key(self, kid: str, secret: bytes) -> None:
        """Store this key in place of every other."""
