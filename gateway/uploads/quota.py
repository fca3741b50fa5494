"""Counts arriving bytes against the account's limit before they are stored, so that an upload stops at the limit.

Bytes are reserved in steps, or all at the start if the request says how many there are.
"""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from gateway.catalog import Owner, Reservation, UploadLimits, UploadReservations
from gateway.errors import Refusal
from gateway.uploads.leases import extended

LEASE_SECONDS: Final = 15.0
_STEP_BYTES: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class _Arrival:
    """An upload in progress; its bytes replace those already counted for the pending media file `replaces`."""

    reservations: UploadReservations
    owner: Owner
    limits: UploadLimits
    replaces: int | None
    reservation: Reservation = Reservation()  # noqa: RUF009 - it is frozen

    async def reserve(self, needed: int, *, step: int = _STEP_BYTES) -> None:
        """Reserve `needed` bytes in total, and `step` more if the limit allows. Raises Invalid if it does not allow `needed`."""
        if needed > self.reservation.granted:
            self.reservation = await self.reservations.reserve(
                self.owner,
                self.reservation,
                self.limits,
                needed=needed,
                wanted=needed + step,
                replaces=self.replaces,
                lease_seconds=LEASE_SECONDS,
            )

    async def extend(self) -> None:
        await self.reservations.extend_reservation(self.reservation, lease_seconds=LEASE_SECONDS)


@asynccontextmanager
async def counted(
    chunks: AsyncIterable[bytes],
    reservations: UploadReservations,
    owner: Owner,
    limits: UploadLimits,
    *,
    expected: int | None = None,
    replaces: int | None = None,
) -> AsyncGenerator[AsyncIterable[bytes]]:
    """The same chunks, each yielded once its bytes are reserved; `expected` is the total number of bytes, if known.

    The reservation ends with the block; accounts without a limit need none. Raises Invalid once the account would hold
    too much.
    """
    if limits.max_total_bytes_per_account is None:
        yield chunks
        return
    arrival = _Arrival(reservations, owner, limits, replaces)
    if expected is not None:
        await arrival.reserve(expected, step=0)
    try:
        async with extended(arrival.extend, LEASE_SECONDS):
            yield _reserved(chunks, arrival)
    finally:
        with suppress(Refusal):
            await reservations.release(arrival.reservation)


async def _reserved(chunks: AsyncIterable[bytes], arrival: _Arrival) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        await arrival.reserve(received)
        yield chunk
