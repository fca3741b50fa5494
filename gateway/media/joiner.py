"""Joins media files by remuxing them in a decoding process."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

from gateway.media.facts import NotMedia
from gateway.media.fork_server import DECODING, ForkServer
from gateway.media.messages import JOINED, WRITTEN, Job
from gateway.media.prober import FAILURES, printable, run_job
from storage_adapters.base import StoredObject

JOIN_BLOCK_BYTES: Final = 512 * 1024

_log: Final = logging.getLogger(__name__)


async def remuxed(
    files: Sequence[StoredObject],
    seconds: float = 900,
    processes: ForkServer = DECODING,
    *,
    report_unreadable: Callable[[int], None],
    max_bytes: int | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of one file that plays what these files play, one after another.

    `report_unreadable` is called with the number of files that are missing from it or incomplete in it, if there are any.
    Raises NotMedia if no file can be read, the file would have more than `max_bytes` or the process fails; Unavailable
    if none can be started; or StorageError.
    """
    written = 0
    job = Job("join", tuple(file.stat.size for file in files), seconds, JOIN_BLOCK_BYTES)
    try:
        async with aclosing(run_job(job, files, processes)) as messages:
            async for message in messages:
                if message.kind == WRITTEN:
                    written += len(message.content)
                    if max_bytes is not None and written > max_bytes:
                        raise NotMedia(f"the joined file would have more than {max_bytes} bytes")
                    yield message.content
                elif message.kind != JOINED:
                    raise NotMedia(printable(message.content))
                elif message.number:
                    report_unreadable(message.number)
    except FAILURES as error:
        _log.warning("a decoding process failed", extra={"cause": repr(error)})
        raise NotMedia("its files cannot be joined: the process that read them failed") from error
