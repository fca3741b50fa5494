"""The playback signing key that the gateway generated, stored so that all processes use the same one.

A process follows the stored key, so that a rotation ends every URL that the old key signed. Signing and verifying send
no query. A task reads the key when it may have changed: after a notification, and after the listener has reconnected.
While notifications do not arrive, it reads the key every UNHEARD_SECONDS.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import asyncpg

from gateway.catalog import SigningSecrets
from gateway.db.pool import Tables
from gateway.errors import Unavailable
from gateway.protocol.signing import SigningKey, SigningKeys, new_signing_key

# A rotation takes effect within a second: this is documented.
UNHEARD_SECONDS: Final = 0.5
# This limit is for changes without a notification, such as those made with triggers disabled.
HEARD_SECONDS: Final = 60.0

_log: Final = logging.getLogger(__name__)


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


async def load_own_key(secrets: SigningSecrets) -> SigningKey:
    """The stored signing key. If none is stored, store a new one. Raises Unavailable."""
    stored = await secrets.find_signing_key()
    if stored is None:
        new = new_signing_key()
        stored = await secrets.ensure_signing_key(new.kid, new.secret)
    return SigningKey(*stored)


class OwnSigningKey:
    """Replaces the only key of `keys` when another one is stored."""

    def __init__(self, secrets: SigningSecrets, keys: SigningKeys) -> None:
        self._secrets = secrets
        self._keys = keys
        self._may_have_changed = asyncio.Event()
        self._is_heard = False

    def trust(self, *, trusted: bool) -> None:
        """Set whether notifications arrive from now on."""
        self._is_heard = trusted
        self._may_have_changed.set()

    def record_change(self) -> None:
        """A notification said that the stored key may have changed."""
        self._may_have_changed.set()

    async def follow(self) -> None:
        """Load the key whenever it may have changed, until cancelled."""
        while True:
            # Not wait_for: in Python 3.11 it loses a cancellation that arrives together with the result.
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_SECONDS if self._is_heard else UNHEARD_SECONDS):
                    await self._may_have_changed.wait()
            # Cleared before the key is read: a change during the read is read again.
            self._may_have_changed.clear()
            try:
                await self._load()
            except (Unavailable, asyncpg.PostgresError) as error:
                _log.debug("the signing key cannot be read", extra={"cause": repr(error)})
                await asyncio.sleep(UNHEARD_SECONDS)
                self._may_have_changed.set()

    async def _load(self) -> None:
        key = await load_own_key(self._secrets)
        if key != self._keys.newest:
            self._keys.replace([key])
            _log.info("the signing key was rotated", extra={"kid": key.kid})
