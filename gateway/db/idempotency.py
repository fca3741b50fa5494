"""Requests that may be repeated: the answer to the first is kept in the transaction that made it true.

Knows: the table idempotency_keys, and for how long it counts. Refuses to know: what is asked and answered; an
answer is text.

    Rule 1: of concurrent requests with one key, one does the work; the others wait for its transaction.
    Rule 2: a key counts for 24 hours. Each answer that is kept sweeps some that no longer count.
"""

from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import IdempotencyKey, Owner
from gateway.db.registration import LOCK_NAME
from gateway.errors import Conflict, Fault

FIND_ANSWER: Final = """
    SELECT digest, answer FROM idempotency_keys
    WHERE user_id = $1 AND live = $2 AND key = $3 AND created_at > now() - interval '24 hours'
"""


async def find_answer(connection: PoolConnectionProxy, owner: Owner, key: IdempotencyKey) -> str | None:
    """The answer that the key has, None if the work is yet to be done: here, in this transaction.

    The caller owns the transaction (read committed). Raises Conflict if the key was used for another request.
    """
    await connection.execute(LOCK_NAME, f"idempotency {owner.user_id} {owner.live} {key.text}")
    row = await connection.fetchrow(FIND_ANSWER, owner.user_id, owner.live, key.text)
    if row is None:
        return None
    digest, answer = row
    if digest != key.digest:
        fault = Fault("reused", ("header", "Idempotency-Key"), "It was used for another request", None)
        raise Conflict("The idempotency key was used for another request", (fault,))
    return str(answer)


# The row that is there already is one that no longer counts.
KEEP_ANSWER: Final = """
    INSERT INTO idempotency_keys (user_id, live, key, digest, answer) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_id, live, key) DO UPDATE
        SET digest = excluded.digest, answer = excluded.answer, created_at = excluded.created_at
"""
# More than one for each that comes: what is left of a busy day goes while the next one is quiet.
SWEEP_ANSWERS: Final = """
    DELETE FROM idempotency_keys WHERE (user_id, live, key) IN (
        SELECT user_id, live, key FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'
        ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
"""


async def keep_answer(connection: PoolConnectionProxy, owner: Owner, key: IdempotencyKey, answer: str) -> None:
    """Keep what `find_answer` shall find, in the same transaction."""
    await connection.execute(KEEP_ANSWER, owner.user_id, owner.live, key.text, key.digest, answer)
    await connection.execute(SWEEP_ANSWERS)
