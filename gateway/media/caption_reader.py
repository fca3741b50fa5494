"""Parses transcripts that clients send: short ones in a thread, long ones in a confined process.

Parsing a few MiB of hostile text would hold the interpreter lock for seconds, and takes a hundred MiB of memory.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.catalog import Segment
from gateway.errors import Unavailable
from gateway.media.captions import MAX_BYTES, decode_segments, parse_captions
from gateway.media.cues import BadCaptions
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.fork_server import DECODING, ForkServer
from gateway.media.messages import REFUSED, Job
from gateway.media.prober import FAILURES, run_job
from storage_adapters.base import ObjectStat

_log: Final = logging.getLogger(__name__)

LONG_BYTES: Final = 64 * 1024
"""A transcript longer than this is parsed in a process of its own."""
MAX_CONCURRENT: Final = 2
READING_SECONDS: Final = 60.0
# Control characters take six bytes in the JSON of the result.
_MAX_RESULT_BYTES: Final = 8 * MAX_BYTES
_PARSING: Final = ThreadPoolExecutor(1, "captions")
_PIECE_BYTES: Final = 64 * 1024
_RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class _Body:
    """A request body as a StoredObject, for a job."""

    content: bytes

    @property
    def stat(self) -> ObjectStat:
        return ObjectStat(len(self.content), "", datetime.min.replace(tzinfo=UTC), "")

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes]:
        for start in range(offset, offset + length, _PIECE_BYTES):
            yield self.content[start : min(start + _PIECE_BYTES, offset + length)]


class CaptionReader:
    """Parses transcripts. Long ones are parsed one at a time; accounts take turns."""

    def __init__(self, *, seconds: float = READING_SECONDS, processes: ForkServer = DECODING) -> None:
        self._turns = FairSemaphore(1)
        self._seconds = seconds
        self._processes = processes
        self._accounts: set[Hashable] = set()

    @contextmanager
    def slot(self, account: Hashable) -> Iterator[None]:
        """Hold a slot while the block receives and reads a long transcript, which is held in memory.

        An account has one slot, and all accounts together have MAX_CONCURRENT. Raises Unavailable if none is free.
        """
        if account in self._accounts or len(self._accounts) >= MAX_CONCURRENT:
            raise Unavailable("Other long transcripts are being read", _RETRY_SECONDS)
        self._accounts.add(account)
        try:
            yield
        finally:
            self._accounts.discard(account)

    async def read(self, content_type: str, body: bytes, account: Hashable) -> tuple[Segment, ...]:
        """The segments of a body of this media type (a key of `captions.READERS`).

        Raises BadCaptions, or Unavailable if no process can be started.
        """
        loop = asyncio.get_running_loop()
        if len(body) <= LONG_BYTES:
            return await loop.run_in_executor(_PARSING, parse_captions, content_type, body)
        job = Job("captions", (len(body),), self._seconds, len(body), content_type=content_type)
        async with self._turns.permit(account):
            try:
                async with asyncio.timeout(self._seconds):
                    is_refused, result = await self._ask(job, _Body(body))
            except TimeoutError:
                raise BadCaptions(f"Reading the transcript took longer than {self._seconds:g} seconds") from None
            except FAILURES as error:
                _log.warning("a process that read a transcript failed", extra={"cause": repr(error)})
                raise BadCaptions("The transcript cannot be read: the process that read it failed") from error
        if is_refused:
            raise BadCaptions(result.decode(errors="replace"))
        return await loop.run_in_executor(_PARSING, decode_segments, result)

    async def _ask(self, job: Job, body: _Body) -> tuple[bool, bytes]:
        """Whether the process refused the transcript, and its reason or result. Raises FAILURES or Unavailable."""
        result = bytearray()
        async with aclosing(run_job(job, (body,), self._processes)) as messages:
            async for message in messages:
                result += message.content
                if len(result) > _MAX_RESULT_BYTES:
                    raise ValueError("the result is too long")
        return message.kind == REFUSED, bytes(result)
