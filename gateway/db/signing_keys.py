"""The playback signing key that the gateway generated, in PostgreSQL, so that all processes use the same one."""

from typing import Final

from gateway.catalog import SigningSecrets
from gateway.db.pool import Tables


class PgSigningSecrets(Tables, SigningSecrets):
    """The table signing_keys."""

    # Writers wait for each other, so that two processes that start at the same time get the same key.
    LOCK_SIGNING_KEYS: Final = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"
    ADD_FIRST_SIGNING_KEY: Final = """
        INSERT INTO signing_keys (kid, secret) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM signing_keys)
    """
    FIND_NEWEST_SIGNING_KEY: Final = "SELECT kid, secret FROM signing_keys ORDER BY created_at DESC, kid DESC LIMIT 1"

    async def ensure_signing_key(self, kid: str, secret: bytes) -> tuple[str, bytes]:
        async with self._transaction() as connection:
            await connection.execute(self.LOCK_SIGNING_KEYS)
            await connection.execute(self.ADD_FIRST_SIGNING_KEY, kid, secret)
            (newest,) = await connection.fetch(self.FIND_NEWEST_SIGNING_KEY)
        return newest["kid"], newest["secret"]

    async def find_signing_key(self) -> tuple[str, bytes] | None:
        newest = await self._row(self.FIND_NEWEST_SIGNING_KEY)
        return None if newest is None else (newest["kid"], newest["secret"])

    REMOVE_SIGNING_KEYS: Final = "DELETE FROM signing_keys"
    ADD_SIGNING_KEY: Final = "INSERT INTO signing_keys (kid, secret) VALUES ($1, $2)"

    async def replace_signing_key(self, kid: str, secret: bytes) -> None:
        # The old keys are removed rather than outnumbered: which one is newest would depend on the server's clock.
        async with self._transaction() as connection:
            await connection.execute(self.LOCK_SIGNING_KEYS)
            await connection.execute(self.REMOVE_SIGNING_KEYS)
            await connection.execute(self.ADD_SIGNING_KEY, kid, secret)
