"""API keys as they are stored, and the gateway's own signing key.

Knows: what a key permits and how long. Refuses to know: the key itself, only its digest (SHA-256, 32 bytes) is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.catalog.changes import NOT_REMEMBERED, Validity
from gateway.catalog.owners import Owner, Scope


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored, never its text. `prefix` is its visible beginning: 12 characters, none of a short key.

    Prefixes are not unique. A key with a `recording_id` is a share link: it admits nothing by itself, and mints playback
    URLs of that recording.
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
    validity: Validity = field(default=NOT_REMEMBERED, compare=False, repr=False)


class ApiKeys(Protocol):
    """The keys, by SHA-256 digest (32 bytes) of the key's text."""

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """The key, also when it is expired or revoked: the caller decides by the clock."""
        ...

    async def find_key_by_id(self, key_id: int) -> ApiKey | None:
        """The same by the key's id; remembered like `find_key`, so that a repeated look-up costs no SQL."""
        ...

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
        """`name` is the operator's, who alone sees it. Raises Conflict if the digest is taken, Invalid for a name that cannot be stored."""
        ...

    async def list_keys(self) -> Sequence[ApiKey]:
        """Newest first."""
        ...

    async def revoke_key(self, prefix_or_id: str) -> ApiKey | None:
        """Revoke immediately; None if no key has this prefix or id. Revoking again keeps the first time.

        Raises Conflict if several keys have the prefix.
        """
        ...

    async def record_key_use(self, key_id: int) -> None:
        """Remember that the key was used; at most one write a minute reaches the disk."""
        ...

    async def ensure_user(self, email: str) -> int:
        """The id of the user with this address (compared without case), made if absent."""
        ...


class SigningSecrets(Protocol):
    """Where the gateway keeps the playback signing key it made for itself."""

    async def ensure_signing_key(self, kid: str, secret: bytes) -> tuple[str, bytes]:
        """The newest kept (kid, secret); the given one is kept and returned if there was none."""
        ...
