"""Removes uploads that nobody completed.

The object of a removed row is deleted through the queue of objects to delete, like any other. Parts that clients sent
to S3 are not objects yet: their multipart uploads are aborted directly.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.catalog import UPLOADS_PREFIX, UploadCatalog
from gateway.errors import Refusal
from storage_adapters.base import StorageError
from storage_adapters.multipart_uploads import MultipartUploads

BATCH: Final = 1000
LONGEST_REST_SECONDS: Final = 600.0

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AbandonedUploads:
    """A worker that removes abandoned uploads; any number may run. It calls `on_removed` after it queued objects."""

    uploads: UploadCatalog
    abandoned_after_seconds: float
    on_removed: Callable[[], None]
    multipart_uploads: Sequence[MultipartUploads] = ()

    async def run(self) -> None:
        """Work until cancelled. An upload is removed at most a tenth of its time late, and at most ten minutes."""
        while True:
            try:
                removed = await self.remove_once()
                await self.abort_parts()
            except (Refusal, StorageError) as trouble:
                _log.warning("abandoned uploads cannot be removed", extra={"cause": str(trouble)})
                removed = 0
            if removed < BATCH:
                await asyncio.sleep(min(self.abandoned_after_seconds / 10, LONGEST_REST_SECONDS))

    async def remove_once(self) -> int:
        """Remove one batch of abandoned uploads and return how many were removed. Raises Unavailable."""
        removed = await self.uploads.remove_abandoned_uploads(
            older_than_seconds=self.abandoned_after_seconds, limit=BATCH
        )
        if removed:
            _log.info("abandoned uploads were removed", extra={"removed": removed})
            self.on_removed()
        return removed

    async def abort_parts(self) -> None:
        """Abort old multipart uploads that were never completed to an object. Raises StorageError."""
        for storage in self.multipart_uploads:
            aborted = await storage.abort_parts(UPLOADS_PREFIX, older_than_seconds=self.abandoned_after_seconds)
            if aborted:
                _log.info("parts of abandoned uploads were removed", extra={"removed": aborted})
