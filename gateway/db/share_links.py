"""Share links in PostgreSQL: the rows of api_keys that are bound to a recording."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from gateway.catalog import Owner
from gateway.catalog.share_links import ShareLink, ShareLinks
from gateway.db.pool import connected, storable


class PgShareLinks(ShareLinks):
    """The links, each call on a connection of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    CREATE_LINK: Final = """
        INSERT INTO api_keys (user_id, live, digest, prefix, scopes, expires_at, recording_id, start_seconds)
        SELECT user_id, live, $4, $5, '{}', $6, id, $7 FROM recordings WHERE user_id = $1 AND live = $2 AND id = $3
        RETURNING id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
    """

    async def create_link(
        self,
        owner: Owner,
        recording_id: int,
        *,
        digest: bytes,
        prefix: str,
        expires_at: datetime,
        start_seconds: float | None,
    ) -> ShareLink | None:
        values = (owner.user_id, owner.live, recording_id, digest, prefix, expires_at, start_seconds)
        async with connected(self._pool) as connection:
            row = await connection.fetchrow(self.CREATE_LINK, *values)
        return None if row is None else _link(row)

    FIND_LINK: Final = """
        SELECT id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
        FROM api_keys WHERE digest = $1 AND recording_id IS NOT NULL
    """

    async def find_link(self, digest: bytes) -> ShareLink | None:
        async with connected(self._pool) as connection:
            row = await connection.fetchrow(self.FIND_LINK, digest)
        return None if row is None else _link(row)

    LIST_LINKS: Final = """
        SELECT id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
        FROM api_keys
        WHERE user_id = $1 AND live = $2 AND recording_id IS NOT NULL AND revoked_at IS NULL AND expires_at > now()
        ORDER BY created_at DESC, id DESC LIMIT 1000
    """
    LIST_LINKS_OF_RECORDING: Final = """
        SELECT id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
        FROM api_keys
        WHERE user_id = $1 AND live = $2 AND recording_id = $3 AND revoked_at IS NULL AND expires_at > now()
        ORDER BY created_at DESC, id DESC LIMIT 1000
    """

    async def list_links(self, owner: Owner, recording_id: int | None = None) -> Sequence[ShareLink]:
        async with connected(self._pool) as connection:
            if recording_id is None:
                rows = await connection.fetch(self.LIST_LINKS, owner.user_id, owner.live)
            else:
                rows = await connection.fetch(self.LIST_LINKS_OF_RECORDING, owner.user_id, owner.live, recording_id)
        return tuple(_link(row) for row in rows)

    END_LINK: Final = """
        UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
        WHERE user_id = $1 AND live = $2 AND recording_id = $3 AND id = $4 RETURNING digest
    """

    async def end_link(self, owner: Owner, recording_id: int, link_id: int) -> bool:
        if not storable(link_id):
            return False
        async with connected(self._pool) as connection:
            values = (owner.user_id, owner.live, recording_id, link_id)
            digest: bytes | None = await connection.fetchval(self.END_LINK, *values)
        return digest is not None

    RECORD_LINK_USE: Final = "UPDATE api_keys SET use_count = use_count + 1, last_used_at = now() WHERE id = $1"

    async def record_link_use(self, link_id: int) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(self.RECORD_LINK_USE, link_id)


def _link(row: asyncpg.Record) -> ShareLink:
    return ShareLink(
        id=row["id"],
        recording_id=row["recording_id"],
        owner=Owner(row["user_id"], row["live"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        start_seconds=row["start_seconds"],
        use_count=row["use_count"],
        last_used_at=row["last_used_at"],
    )
