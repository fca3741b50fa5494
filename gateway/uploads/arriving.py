"""Counts arriving bytes against the account's limit before they are stored, so that an upload stops at the limit.

Bytes are reserved in steps, or all at the start if the request says how many there are.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from gateway.catalog import Owner, Reservation, UploadLimits, UploadReservations
from gateway.errors import Refusal

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

    async def require(self, needed: int, *, step: int = _STEP_BYTES) -> None:
        """Reserve `needed` bytes in total, `step` more if there is room. Raises Invalid without room for `needed`."""
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

    async def keep(self) -> None:
        """Extend the reservation's lease until cancelled."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(Refusal):
                await self.reservations.keep_reservation(self.reservation, lease_seconds=LEASE_SECONDS)


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
    """Yield the same chunks, and reserve the bytes of each one first; `expected` is their total number, if known.

    The reservation ends with the block; accounts without a limit need none. Raises Invalid once the account would hold
    too much.
    """
    if limits.max_total_bytes_per_account is None:
        yield chunks
        return
    arrival = _Arrival(reservations, owner, limits, replaces)
    if expected is not None:
        await arrival.require(expected, step=0)
    task = asyncio.create_task(arrival.keep())
    try:
        yield _required(chunks, arrival)
    finally:
        task.cancel()
        with suppress(Refusal):
            await reservations.release(arrival.reservation)


async def _required(chunks: AsyncIterable[bytes], arrival: _Arrival) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        await arrival.require(received)
        yield chunk
