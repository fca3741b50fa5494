"""Bytes of an account that are arriving and that no media file counts yet.

A reservation expires if its holder dies.
"""

from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.uploads import UploadLimits


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one upload may bring: `granted` bytes. `id` is None as long as nothing was reserved."""

    id: int | None = None
    granted: int = 0


class UploadReservations(Protocol):
    """The reservations of accounts that have a limit; they count for it until they end."""

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
        """Let `needed` bytes arrive, and up to `wanted` where there is room, instead of the same upload's `reservation`.

        What the pending media file `replaces` counts already is used first. Raises Invalid if the account would hold too
        much.
        """

    async def keep_reservation(self, reservation: Reservation, *, lease_seconds: float) -> None:
        """Extend the reservation."""

    async def release(self, reservation: Reservation) -> None:
        """Count the reservation no longer."""
