"""The accounts in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.db.pool import Tables, connected, storable

# One statement deletes everything that an account owns, which may take long.
DELETE_TIMEOUT_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class User:
    """An account. `keys` counts those that are valid now, `bytes` what its uploads and media files hold."""

    id: int
    email: str
    created_at: datetime
    keys: int
    recordings: int
    bytes: int


class PgUsers(Tables):
    """The accounts, for the command line: not owner-scoped, never for a request."""

    LIST_USERS: Final = """
        SELECT u.id, u.email, u.created_at,
            (SELECT count(*) FROM api_keys k WHERE k.user_id = u.id AND k.recording_id IS NULL
                AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())) AS keys,
            (SELECT count(*) FROM recordings r WHERE r.user_id = u.id) AS recordings,
            (SELECT coalesce(sum(b.bytes), 0)::bigint FROM account_bytes b WHERE b.user_id = u.id) AS bytes
        FROM users u WHERE $1::text IS NULL OR lower(u.email) = lower($1) ORDER BY u.created_at, u.id
    """

    async def list_users(self) -> Sequence[User]:
        """Oldest first."""
        return await self._list(None)

    async def find_user(self, email: str) -> User | None:
        """The account with this address, compared without case."""
        return next(iter(await self._list(email)), None) if storable(email) else None

    async def _list(self, email: str | None) -> Sequence[User]:
        rows = await self._rows(self.LIST_USERS, email)
        return tuple(User(**row) for row in rows)

    DELETE_KEYS_OF_USER: Final = "DELETE FROM api_keys WHERE user_id = $1"
    DELETE_USER: Final = "DELETE FROM users WHERE id = $1 RETURNING true"

    async def delete_user(self, user_id: int) -> bool:
        """Delete the account with its keys, meetings and recordings, and queue every object; False if there is none.

        Its keys end first. The rest is one transaction, which takes about a minute for 100,000 recordings.
        """
        async with connected(self._pool) as connection:
            await connection.execute(self.DELETE_KEYS_OF_USER, user_id)
            deleted = await connection.fetchval(self.DELETE_USER, user_id, timeout=DELETE_TIMEOUT_SECONDS)
        return deleted is not None
