"""Writes users and keys of Vexa to our tables users and api_keys (MoveTarget)."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from gateway.catalog import KeyMove, MoveOutcome, UserMove, UserOutcome
from gateway.db.vexa_move.move_notes import MoveNotes, digest_of


class MovedAccounts(MoveNotes):
    """The part of MoveTarget for users and keys, on one connection."""

    FIND_USER_BY_ADDRESS: Final = "SELECT id FROM users WHERE lower(email) = lower($1)"
    FIND_USER: Final = "SELECT email FROM users WHERE id = $1"
    FIND_NAMESAKE: Final = """
        SELECT 1 FROM vexa_moves WHERE kind = 'user' AND here_id = $1 AND written <> $2 LIMIT 1
    """
    ADD_USER: Final = """
        INSERT INTO users (id, email, created_at) VALUES ($1, $2, coalesce($3, now())) ON CONFLICT DO NOTHING
        RETURNING id
    """

    async def move_user(self, user: UserMove) -> UserOutcome:
        address = sha256(user.email.encode()).digest()
        identity = sha256(f"{user.vexa_id} {user.email}".encode()).digest()
        note = await self.find_note("user", identity)
        if note is not None:
            known = await self._connection.fetchval(self.FIND_USER, note["here_id"])
            return UserOutcome(note["here_id"], "here") if known else UserOutcome(None, "deleted", "was deleted here")
        here: int | None = await self._connection.fetchval(self.FIND_USER_BY_ADDRESS, user.email)
        if here is not None and await self._connection.fetchval(self.FIND_NAMESAKE, here, address):
            return UserOutcome(None, "taken", "the address differs only by case from that of another user of Vexa")
        if here is None and await self._connection.fetchval(self.FIND_USER, user.vexa_id):
            return UserOutcome(None, "taken", "the id belongs to a user with another address here")
        added = here or await self._connection.fetchval(self.ADD_USER, user.vexa_id, user.email, user.created_at)
        if added is None:
            return UserOutcome(None, "taken", "the address or the id was taken here a moment ago")
        await self.write_note("user", identity, added, address)
        return UserOutcome(added, "here", existed=True) if here else UserOutcome(added, "moved")

    FIND_KEY_TO_MOVE: Final = "SELECT user_id, scopes, expires_at FROM api_keys WHERE digest = $1"
    ADD_MOVED_KEY: Final = """
        INSERT INTO api_keys (digest, user_id, live, prefix, name, scopes, expires_at, last_used_at, created_at)
        VALUES ($1, $2, true, $3, $4, $5, $6, $7, coalesce($8, now()))
    """
    UPDATE_MOVED_KEY: Final = "UPDATE api_keys SET scopes = $2, expires_at = $3 WHERE digest = $1"

    async def move_key(self, user_id: int, key: KeyMove) -> MoveOutcome:
        scopes = sorted(key.scopes)
        new = digest_of(scopes, key.expires_at)
        row = await self._connection.fetchrow(self.FIND_KEY_TO_MOVE, key.digest)
        if row is not None and row["user_id"] != user_id:
            return "taken"
        here = None if row is None else digest_of(sorted(row["scopes"]), row["expires_at"])
        outcome = await self.decide("key", key.digest, here, new)
        if outcome == "taken":  # the same key of the same user, made here
            return "here"
        if outcome == "moved":
            if row is None:
                times = (key.expires_at, key.last_used_at, key.created_at)
                await self._connection.execute(
                    self.ADD_MOVED_KEY, key.digest, user_id, key.prefix, key.name, scopes, *times
                )
            else:
                await self._connection.execute(self.UPDATE_MOVED_KEY, key.digest, scopes, key.expires_at)
            await self.write_note("key", key.digest, user_id, new)
        return outcome

    LIST_OTHER_KEYS: Final = """
        SELECT prefix FROM vexa_moves n JOIN api_keys k ON k.digest = n.identity
        WHERE n.kind = 'key' AND n.here_id = $1 AND k.user_id = $1 AND revoked_at IS NULL AND digest <> ALL ($2)
          AND (expires_at IS NULL OR expires_at > now())
        ORDER BY k.id
    """

    async def other_keys(self, user_id: int, digests: Sequence[bytes]) -> Sequence[str]:
        return [prefix for (prefix,) in await self._connection.fetch(self.LIST_OTHER_KEYS, user_id, digests)]
