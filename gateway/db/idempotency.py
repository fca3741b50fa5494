"""The table idempotency_keys: the response to a request is stored in the transaction that does its work.

A response is opaque text, in the column `answer`. The column keeps its name: to rename it, older gateways that still
run beside this one would have to be stopped.

    Rule 1: of concurrent requests with one key, one does the work; the others wait for its transaction.
    Rule 2: a key is valid for 24 hours. Each stored response deletes some expired ones.
"""

from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import IdempotencyKey, Owner
from gateway.db.locks import LOCK_NAME
from gateway.errors import Conflict, Fault

FIND_RESPONSE: Final = """
    SELECT digest, answer FROM idempotency_keys
    WHERE user_id = $1 AND live = $2 AND key = $3 AND created_at > now() - interval '24 hours'
"""


async def find_response(connection: PoolConnectionProxy, owner: Owner, key: IdempotencyKey) -> str | None:
    """The stored response of the key, or None: then the caller does the work in this transaction.

    The caller owns the transaction (read committed). Raises Conflict if the key was used for another request.
    """
    await connection.execute(LOCK_NAME, f"idempotency {owner.user_id} {owner.live} {key.text}")
    row = await connection.fetchrow(FIND_RESPONSE, owner.user_id, owner.live, key.text)
    if row is None:
        return None
    digest, response = row
    if digest != key.digest:
        fault = Fault("reused", ("header", "Idempotency-Key"), "It was used for another request")
        raise Conflict("The idempotency key was used for another request", fault)
    return str(response)


# A row that exists already has expired.
STORE_RESPONSE: Final = """
    INSERT INTO idempotency_keys (user_id, live, key, digest, answer) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_id, live, key) DO UPDATE
        SET digest = excluded.digest, answer = excluded.answer, created_at = excluded.created_at
"""
# Ten for each stored response, so that the backlog of a busy day is deleted during a quiet one.
DELETE_EXPIRED_RESPONSES: Final = """
    DELETE FROM idempotency_keys WHERE (user_id, live, key) IN (
        SELECT user_id, live, key FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'
        ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
"""


async def store_response(connection: PoolConnectionProxy, owner: Owner, key: IdempotencyKey, response: str) -> None:
    """Store the response for `find_response`, in the transaction that did the work."""
    await connection.execute(STORE_RESPONSE, owner.user_id, owner.live, key.text, key.digest, response)
    await connection.execute(DELETE_EXPIRED_RESPONSES)
