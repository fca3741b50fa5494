"""Notes of the rows that were moved from Vexa, in the table vexa_moves, and the decision whether to write a row again.

A row that an earlier run wrote is written again only while it is as that run left it, so that no change or deletion that
was made here is undone.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import MoveOutcome

Kind = Literal["user", "key", "meeting", "transcript", "recording", "media_file"]

FIND_NOTE: Final = "SELECT here_id, written FROM vexa_moves WHERE kind = $1 AND identity = $2"
WRITE_NOTE: Final = """
    INSERT INTO vexa_moves (kind, identity, here_id, written) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, identity) DO UPDATE SET written = EXCLUDED.written, moved_at = now()
"""


class MoveNotes:
    """The notes, on one connection; the base of the classes that write moved rows."""

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    async def find_note(self, kind: Kind, identity: bytes) -> asyncpg.Record | None:
        """`here_id` and `written` of a note."""
        return await self._connection.fetchrow(FIND_NOTE, kind, identity)

    async def write_note(self, kind: Kind, identity: bytes, here_id: int, written: bytes | None = None) -> None:
        """Add a note, or update an existing one with what was written now."""
        await self._connection.execute(WRITE_NOTE, kind, identity, here_id, written)

    async def still_has(self, kind: Kind, identity: bytes, find: str) -> bool:
        """Whether an earlier run moved it and `find`, a statement for its id here, still finds it."""
        note = await self.find_note(kind, identity)
        return note is not None and await self._connection.fetchrow(find, note["here_id"]) is not None

    async def decide(self, kind: Kind, identity: bytes, here: bytes | None, new: bytes) -> MoveOutcome:
        """The outcome for a row; "moved" means that the caller must write it.

        `here` is a digest of our row, None if there is none; `new` is one of Vexa's row as it is now.
        """
        note = await self.find_note(kind, identity)
        if note is None:
            return "moved" if here is None else "taken"
        if here is None:
            return "deleted"
        return "here" if here == new or here != note["written"] else "moved"


def digest_of(*values: object) -> bytes:
    """A digest of column values that is the same before they are written and after they are read."""
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()
