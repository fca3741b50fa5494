"""Share links in PostgreSQL: the rows of api_keys that are bound to a recording."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from gateway.catalog import Owner
from gateway.catalog.share_links import ShareLink, ShareLinks
from gateway.db.pool import Tables, storable
from gateway.db.rows import with_owner

LIST_TEMPLATE: Final = """
        SELECT id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
        FROM api_keys
        WHERE user_id = $1 AND live = $2 AND recording_id {which} AND revoked_at IS NULL AND expires_at > now()
        ORDER BY created_at DESC, id DESC LIMIT 1000
"""


class PgShareLinks(Tables, ShareLinks):
    """ShareLinks in the table api_keys."""

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
        row = await self._row(self.CREATE_LINK, *values)
        return None if row is None else _link(row)

    FIND_LINK: Final = """
        SELECT id, recording_id, user_id, live, created_at, expires_at, revoked_at, start_seconds, use_count, last_used_at
        FROM api_keys WHERE digest = $1 AND recording_id IS NOT NULL
    """

    async def find_link(self, digest: bytes) -> ShareLink | None:
        row = await self._row(self.FIND_LINK, digest)
        return None if row is None else _link(row)

    LIST_LINKS: Final = LIST_TEMPLATE.format(which="IS NOT NULL")
    LIST_LINKS_OF_RECORDING: Final = LIST_TEMPLATE.format(which="= $3")

    async def list_links(self, owner: Owner, recording_id: int | None = None) -> Sequence[ShareLink]:
        if recording_id is None:
            rows = await self._rows(self.LIST_LINKS, owner.user_id, owner.live)
        else:
            rows = await self._rows(self.LIST_LINKS_OF_RECORDING, owner.user_id, owner.live, recording_id)
        return tuple(_link(row) for row in rows)

    END_LINK: Final = """
        UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
        WHERE user_id = $1 AND live = $2 AND recording_id = $3 AND id = $4 RETURNING digest
    """

    async def end_link(self, owner: Owner, recording_id: int, link_id: int) -> bool:
        if not storable(link_id):
            return False
        return await self._value(self.END_LINK, owner.user_id, owner.live, recording_id, link_id) is not None

    RECORD_LINK_USE: Final = "UPDATE api_keys SET use_count = use_count + 1, last_used_at = now() WHERE id = $1"

    async def record_link_use(self, link_id: int) -> None:
        await self._run(self.RECORD_LINK_USE, link_id)


def _link(row: asyncpg.Record) -> ShareLink:
    return ShareLink(**with_owner(row))
