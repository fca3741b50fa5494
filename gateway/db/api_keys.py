"""Users and their keys in PostgreSQL. The caller decides whether a key may be used now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from gateway.catalog import ApiKey, ApiKeys, Owner, Scope
from gateway.db.pool import Tables, connected, require_storable, storable
from gateway.db.rows import with_owner
from gateway.errors import Conflict, Fault, Invalid

# Ids that we make have 12 digits; up to 18 always fit a bigint.
_ID_DIGITS: Final = 18


class PgApiKeys(Tables, ApiKeys):
    """ApiKeys in the tables users and api_keys."""

    FIND_KEY: Final = """
        SELECT k.id, prefix, user_id, live, email, scopes, k.created_at, expires_at, revoked_at, last_used_at, recording_id, name
        FROM api_keys k JOIN users u ON u.id = k.user_id WHERE digest = $1
    """

    async def find_key(self, digest: bytes) -> ApiKey | None:
        row = await self._row(self.FIND_KEY, digest)
        return None if row is None else _api_key(row)

    FIND_DIGEST: Final = "SELECT digest FROM api_keys WHERE id = $1"

    async def find_digest(self, key_id: int) -> bytes | None:
        """The digest of the key with this id."""
        digest: bytes | None = await self._value(self.FIND_DIGEST, key_id)
        return digest

    async def find_key_by_id(self, key_id: int) -> ApiKey | None:
        digest = await self.find_digest(key_id)
        return None if digest is None else await self.find_key(digest)

    CREATE_KEY: Final = """
        WITH k AS (
            INSERT INTO api_keys (digest, prefix, user_id, live, scopes, expires_at, name)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            RETURNING *
        )
        SELECT k.id, prefix, user_id, live, email, scopes, k.created_at, expires_at, revoked_at, last_used_at, recording_id, name
        FROM k JOIN users u ON u.id = k.user_id
    """

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
        if not storable(name):
            raise Invalid(Fault("unstorable", ("name",), "The catalogue cannot store this name"))
        try:
            (row,) = await self._rows(
                self.CREATE_KEY, digest, prefix, owner.user_id, owner.live, sorted(scopes), expires_at, name
            )
        except asyncpg.UniqueViolationError as error:
            raise Conflict("This key exists already") from error
        return _api_key(row)

    LIST_KEYS: Final = """
        SELECT k.id, prefix, user_id, live, email, scopes, k.created_at, expires_at, revoked_at, last_used_at, recording_id, name
        FROM api_keys k JOIN users u ON u.id = k.user_id WHERE recording_id IS NULL ORDER BY k.created_at DESC, k.id DESC
    """

    async def list_keys(self) -> Sequence[ApiKey]:
        rows = await self._rows(self.LIST_KEYS)
        return tuple(_api_key(row) for row in rows)

    FIND_KEY_IDS: Final = """
        SELECT id FROM api_keys WHERE prefix = $1 AND prefix <> '' AND recording_id IS NULL
        UNION SELECT id FROM api_keys WHERE id = $2 AND recording_id IS NULL
    """
    REVOKE_KEY: Final = """
        UPDATE api_keys k SET revoked_at = coalesce(revoked_at, now()) FROM users u
        WHERE u.id = k.user_id AND k.id = $1
        RETURNING digest, k.id, prefix, user_id, live, email, scopes, k.created_at, expires_at, revoked_at, last_used_at, recording_id, name
    """

    async def revoke_key(self, prefix_or_id: str) -> ApiKey | None:
        if not storable(prefix_or_id):
            return None
        async with connected(self._pool) as connection:
            found = await connection.fetch(self.FIND_KEY_IDS, prefix_or_id, _as_id(prefix_or_id))
            if len(found) > 1:
                raise Conflict(f"{len(found)} keys begin with {prefix_or_id!r}: name the one you mean by its id")
            row = await connection.fetchrow(self.REVOKE_KEY, found[0]["id"]) if found else None
        if row is None:
            return None
        self.forget(row["digest"])
        return _api_key(row)

    def forget(self, digest: bytes) -> None:
        """Called after this process has changed a key. This class caches nothing; CachedApiKeys overrides the method."""

    RECORD_KEY_USE: Final = """
        UPDATE api_keys SET last_used_at = now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    """

    async def record_key_use(self, key_id: int) -> None:
        await self._run(self.RECORD_KEY_USE, key_id)

    # The update changes nothing; because of it, the statement also returns a row that existed already.
    ENSURE_USER: Final = """
        INSERT INTO users (email) VALUES ($1)
        ON CONFLICT (lower(email)) DO UPDATE SET email = users.email RETURNING id
    """

    async def ensure_user(self, email: str) -> int:
        with require_storable("email"):
            return int(await self._value(self.ENSURE_USER, email))


def _as_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS else None


def _api_key(row: asyncpg.Record) -> ApiKey:
    columns = with_owner(row, but="digest")
    return ApiKey(**columns | {"scopes": frozenset(map(Scope, columns["scopes"]))})
