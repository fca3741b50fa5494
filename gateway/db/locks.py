"""The order in which transactions lock rows. No two that keep to it can wait for each other.

    1. names (`LOCK_NAME`): an account, an object, a session, a meeting, in this order
    2. recordings; several by their ids
    3. the name of an idempotency key
    4. meetings, then their segments
    5. media files
    6. sessions, chunks and writers of uploads, in any order: a transaction that locks two of these has locked the recording
    7. entries of the deletion queue. `register` alone locks one earlier: it holds the object's name, and an entry is
       only added for an object that a row named
    8. users. Inserted rows lock them in any place, but share the lock; `PgUsers.delete_user` alone excludes others, while
       the user has neither recordings nor meetings

The triggers that count bytes and describe recordings (schema.sql) lock the recording of every media file and chunk that
changes. A statement that changes one therefore locks the recording first, in a `WITH recording`: PostgreSQL locks the
file before it calls the trigger, as a foreign key locks the recording before its files. Statements that change one row
whose change calls no such trigger, and those that skip locked rows, wait for nobody while they hold something.
"""

from typing import Final

# Held to the end of the transaction. Two names with the same hash merely wait for each other.
LOCK_NAME: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
