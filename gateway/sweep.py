"""Sweeps out uploads that nobody completed.

Knows: order and patience. Refuses to know: SQL and storages; a swept row's object goes through the queue of
objects to delete, like any other's.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.catalog import UploadCatalog
from gateway.errors import Refusal

BATCH: Final = 1000
LONGEST_REST_SECONDS: Final = 600.0

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One worker; any number may run. `on_swept` is called when objects were queued for deletion."""

    uploads: UploadCatalog
    abandoned_after_seconds: float
    on_swept: Callable[[], None]

    async def run(self) -> None:
        """Work until cancelled; an abandoned upload outlives its time by a tenth of it, or ten minutes at most."""
        while True:
            try:
                swept = await self.sweep_once()
            except Refusal as refusal:
                _log.warning("abandoned uploads cannot be swept", extra={"cause": refusal.message})
                swept = 0
            if swept < BATCH:
                await asyncio.sleep(min(self.abandoned_after_seconds / 10, LONGEST_REST_SECONDS))

    async def sweep_once(self) -> int:
        """Remove what is abandoned now, one batch; how many there were. Raises Unavailable."""
        swept = await self.uploads.sweep_uploads(older_than_seconds=self.abandoned_after_seconds, limit=BATCH)
        if swept:
            _log.info("abandoned uploads were removed", extra={"removed": swept})
            self.on_swept()
        return swept
