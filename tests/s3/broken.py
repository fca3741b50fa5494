"""An S3 adapter with small windows, over the fault proxy; the bucket contains the object `key`."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from storage_adapters.s3 import S3Storage
from tests.s3.buckets import make_bucket, s3_storage
from tests.s3.faults import FaultProxy
from tests.s3.processes import S3Server

WINDOW: Final = 64 * 1024
CONTENT: Final = random.Random(3).randbytes(3 * 1024 * 1024 + 17)
SIZE: Final = len(CONTENT)

POLL_SECONDS: Final = 0.002
PATIENCE_SECONDS: Final = 60

SMALL: Final[dict[str, Any]] = {
    "max_connections": 4,
    "read_timeout_seconds": PATIENCE_SECONDS,
    "pool_timeout_seconds": PATIENCE_SECONDS,
    "window_initial_bytes": WINDOW,
    "window_max_bytes": 4 * WINDOW,
}
# Only for tests that wait for a response that never comes: on a busy machine a real one takes long too.
IMPATIENT: Final[dict[str, Any]] = {"read_timeout_seconds": 1.0}


@asynccontextmanager
async def breakable_storage(s3_server: S3Server, proxy: FaultProxy, **more: Any) -> AsyncGenerator[S3Storage, None]:
    """The storage; nothing of it is in use at the end."""
    bucket = await make_bucket(s3_server)
    async with s3_storage(proxy.server, bucket, **(SMALL | more)) as storage:
        await put(storage, "key", CONTENT)
        yield storage


async def put(storage: S3Storage, key: str, content: bytes) -> None:
    async with storage.create(key) as writer:
        await writer.write(content)


async def until(holds: Callable[[], bool]) -> None:
    """Return when it holds: for what other tasks and the kernel do in their own time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in the kernel too, which sets no event
            await asyncio.sleep(POLL_SECONDS)
