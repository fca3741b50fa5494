"""Reservations for arriving bytes, in PostgreSQL: one row for each running upload, valid until its lease ends.

Leases are measured by the server's clock.
"""

from datetime import timedelta
from typing import Final

from gateway.catalog import Owner, Reservation, UploadLimits, UploadReservations
from gateway.db.pending_media import account_full, find_free_bytes, lock_account
from gateway.db.pool import Tables

# Beyond the bytes that it needs now, an upload reserves at most 1/8 of the free ones: others may run in parallel.
_SHARES: Final = 8


class PgUploadReservations(Tables, UploadReservations):
    """UploadReservations in the table upload_reservations."""

    FIND_COUNTED: Final = """
        SELECT greatest(m.size, w.stored_bytes, 0) FROM media_files m LEFT JOIN upload_writers w ON w.media_file_id = m.id
        WHERE m.id = $1 AND m.status = 'pending'
    """
    # After the new row, which waits where the user is being deleted, and its reservations with it.
    REMOVE_REPLACED_RESERVATIONS: Final = (
        "DELETE FROM upload_reservations WHERE user_id = $1 AND (id = $2 OR expires_at <= now())"
    )
    REMOVE_RESERVATION: Final = "DELETE FROM upload_reservations WHERE id = $1"
    ADD_RESERVATION: Final = """
        INSERT INTO upload_reservations (user_id, bytes, expires_at) VALUES ($1, $2, now() + $3::interval) RETURNING id
    """

    async def reserve(
        self,
        owner: Owner,
        reservation: Reservation,
        limits: UploadLimits,
        *,
        needed: int,
        wanted: int,
        replaces: int | None,
        lease_seconds: float,
    ) -> Reservation:
        async with self._transaction() as connection:
            await lock_account(connection, owner, limits)
            counted = int(await connection.fetchval(self.FIND_COUNTED, replaces) or 0)
            free = counted + await find_free_bytes(connection, owner, limits, without=reservation.id or 0)
            if needed > free:
                raise account_full(limits)
            granted = min(wanted, needed + (free - needed) // _SHARES)
            lease = timedelta(seconds=lease_seconds)
            added = await connection.fetchval(self.ADD_RESERVATION, owner.user_id, max(granted - counted, 0), lease)
            await connection.execute(self.REMOVE_REPLACED_RESERVATIONS, owner.user_id, reservation.id)
            return Reservation(added, granted)

    EXTEND_RESERVATION: Final = "UPDATE upload_reservations SET expires_at = now() + $2::interval WHERE id = $1"

    async def extend_reservation(self, reservation: Reservation, *, lease_seconds: float) -> None:
        await self._run(self.EXTEND_RESERVATION, reservation.id, timedelta(seconds=lease_seconds))

    async def release(self, reservation: Reservation) -> None:
        await self._run(self.REMOVE_RESERVATION, reservation.id)
