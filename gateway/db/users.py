"""The accounts in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.db.pool import Tables, connected, storable

# A meeting may have 50,000 segments.
DELETE_TIMEOUT_SECONDS: Final = 600.0
RECORDINGS_AT_A_TIME: Final = 500
MEETINGS_AT_A_TIME: Final = 20


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
    """The accounts, for the command line. They are not owner-scoped, so requests never use this class."""

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
    _DELETE_SOME: Final = """
        WITH chosen AS MATERIALIZED (
            SELECT id FROM {table} WHERE user_id = $1 LIMIT $2
        ), locked AS (
            SELECT r.id FROM {table} r JOIN chosen USING (id) ORDER BY r.id FOR UPDATE OF r
        )
        DELETE FROM {table} r USING locked WHERE r.id = locked.id
    """
    DELETE_SOME_RECORDINGS: Final = _DELETE_SOME.format(table="recordings")
    DELETE_SOME_MEETINGS: Final = _DELETE_SOME.format(table="meetings")
    LOCK_USER: Final = "SELECT true FROM users WHERE id = $1 FOR UPDATE"
    IS_EMPTY: Final = """
        SELECT NOT EXISTS (SELECT FROM recordings WHERE user_id = $1) AND NOT EXISTS (SELECT FROM meetings WHERE user_id = $1)
    """
    DELETE_USER: Final = "DELETE FROM users WHERE id = $1"

    async def delete_user(self, user_id: int) -> bool:
        """Delete the account with its keys, recordings and meetings, and queue every object; False if there is none.

        Its keys end first, then its recordings are deleted, some at a time (a minute for 100,000), its meetings, and the
        account. If it is interrupted, a repetition deletes what is left.
        """
        async with connected(self._pool) as connection:
            await connection.execute(self.DELETE_KEYS_OF_USER, user_id)
            while (deleted := await self._delete_if_empty(connection, user_id)) is None:
                await _repeat(connection, self.DELETE_SOME_RECORDINGS, user_id, RECORDINGS_AT_A_TIME)
                await _repeat(connection, self.DELETE_SOME_MEETINGS, user_id, MEETINGS_AT_A_TIME)
        return deleted

    async def _delete_if_empty(self, connection: PoolConnectionProxy, user_id: int) -> bool | None:
        """Delete the account if it owns nothing; None if it does, False if it does not exist.

        While the account is locked, no transaction can add anything to it.
        """
        async with connection.transaction():
            if not await connection.fetchval(self.LOCK_USER, user_id):
                return False
            if not await connection.fetchval(self.IS_EMPTY, user_id):
                return None
            await connection.execute(self.DELETE_USER, user_id)
            return True


async def _repeat(connection: PoolConnectionProxy, deletion: str, *arguments: int) -> None:
    """Run the statement until it deletes nothing."""
    done = ""
    while not done.endswith(" 0"):
        done = await connection.execute(deletion, *arguments, timeout=DELETE_TIMEOUT_SECONDS)
