"""Runs jobs in decoding processes: serves each the bytes of its objects, and validates its messages.

If a process crashes, exceeds its limits or sends an invalid message, its file cannot be read; nothing else is affected.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.errors import Unavailable
from gateway.media import messages
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.fork_server import DECODING, DecodingProcess, ForkServer
from gateway.media.peaks import BINS
from storage_adapters.base import StorageAdapter, StoredObject, ZeroCopy
from storage_adapters.remote import Remote

_log: Final = logging.getLogger(__name__)

REMOTE_BYTES: Final = 2_621_440
"""A probe reads at most this much of an object in a bucket, so that its traffic with HTTP heads is below 3 MiB."""
PROBE_SECONDS: Final = 60.0
MAX_CONCURRENT_PROBES: Final = 2
_RETRY_SECONDS: Final = 5
_COUNT_SECONDS: Final = 600.0
# Reads are made in blocks: of this size from a bucket, one request each, and of BLOCK_BYTES otherwise.
_REMOTE_BLOCK_BYTES: Final = 64 * 1024
BLOCK_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message from a decoding process: its kind, the first of its two long numbers, and its content."""

    kind: bytes
    number: int
    content: bytes = b""


class Prober:
    """Determines type and duration of objects, at most `max_concurrent` at a time; accounts take turns."""

    def __init__(
        self,
        *,
        max_concurrent: int = MAX_CONCURRENT_PROBES,
        seconds: float = PROBE_SECONDS,
        processes: ForkServer = DECODING,
    ) -> None:
        self._turns = FairSemaphore(max_concurrent)
        self._seconds = seconds
        self._processes = processes

    async def probe(self, stored: StoredObject, account: Hashable = None, *, remote: bool = False) -> MediaFacts:
        """Type, format and duration of the object.

        At most REMOTE_BYTES of a `remote` one are read; the duration is None if that is not enough to know it.
        Raises NotMedia, also if the process crashes or exceeds its deadline; Unavailable if none can be started; or
        StorageError.
        """
        block = BLOCK_BYTES if not remote or isinstance(stored, ZeroCopy) else _REMOTE_BLOCK_BYTES
        budget = REMOTE_BYTES if remote else None
        job = messages.Job("probe", (stored.stat.size,), self._seconds, block, budget)
        return _facts(await self._ask(job, stored, account))

    async def count_decoded(self, stored: StoredObject, account: Hashable = None) -> float:
        """Decode the whole object, and return how many seconds of its sound (or of its picture, if it is silent) that gave.

        Raises NotMedia, Unavailable or StorageError, as `probe` does.
        """
        job = messages.Job("count", (stored.stat.size,), _COUNT_SECONDS, BLOCK_BYTES)
        message = await self._ask(job, stored, account)
        if message.kind == messages.REFUSED:
            raise NotMedia(printable(message.content))
        return message.number / 1_000_000 if message.kind == messages.COUNTED else 0.0

    async def _ask(self, job: messages.Job, stored: StoredObject, account: Hashable) -> Message:
        """Run the job and return its first message."""
        if not stored.stat.size:
            raise NotMedia("it is empty")
        async with self._turns.permit(account):
            try:
                async with asyncio.timeout(job.seconds), aclosing(run_job(job, (stored,), self._processes)) as received:
                    return await anext(received)
            except TimeoutError:
                raise NotMedia(f"reading it took longer than {job.seconds:g} seconds") from None
            except FAILURES as error:
                _log.warning("a decoding process failed", extra={"cause": repr(error)})
                raise NotMedia("it cannot be read: the process that read it failed") from error


def is_remote(adapter: StorageAdapter) -> bool:
    """Whether the adapter reads objects over a network, so that a probe should read little."""
    return isinstance(adapter, Remote)


def _facts(message: Message) -> MediaFacts:
    if message.kind == messages.FACTS:
        try:
            return MediaFacts.from_fields(json.loads(message.content))
        except ValueError as error:
            _log.warning("a decoding process sent invalid facts", extra={"cause": str(error)})
    elif message.kind == messages.REFUSED:
        raise NotMedia(printable(message.content))
    raise NotMedia("it cannot be read: the process that read it failed")


def printable(text: bytes) -> str:
    """The printable characters in the first 300 bytes of a process's text."""
    return "".join(each for each in text[:300].decode("utf-8", "replace") if each.isprintable())


# Raised by `run_job` if the process died or broke the protocol.
FAILURES: Final = (EOFError, ConnectionError, ValueError)


async def run_job(
    job: messages.Job, objects: Sequence[StoredObject], processes: ForkServer
) -> AsyncGenerator[Message, None]:
    """Run the job in a new process, serve its reads, and yield its other messages up to the last one.

    Raises FAILURES, or Unavailable if no process can be started or the fork server is killed.
    """
    async with _started(processes) as process:
        await process.send(job.encode())
        while True:
            kind, part, one, other = messages.HEAD.unpack(await process.receive(messages.HEAD.size))
            if kind == messages.READ:
                await _serve(process, objects[part] if part < len(objects) else None, one, other)
                continue
            yield Message(kind, one, await process.receive(_content_bytes(kind, other)))
            if kind not in {messages.SO_FAR, messages.WRITTEN}:
                return


def _content_bytes(kind: bytes, length: int) -> int:
    """How many bytes follow the head. Raises ValueError for an unknown kind, or a length above its limit."""
    if kind in {messages.SO_FAR, messages.DONE}:
        return BINS
    if kind in {messages.SILENT, messages.JOINED, messages.COUNTED}:
        return 0
    if kind == messages.WRITTEN and length <= messages.WRITTEN_BYTES:
        return length
    if kind in {messages.FACTS, messages.REFUSED} and length <= messages.TEXT_BYTES:
        return length
    raise ValueError(f"not a message: {kind!r} with {length} bytes")


async def _serve(process: DecodingProcess, stored: StoredObject | None, offset: int, length: int) -> None:
    """Send the requested bytes. Raises ValueError if they are not inside the object."""
    if stored is None or offset + length > stored.stat.size:
        raise ValueError("a read outside the object")
    async with aclosing(stored.read(offset, length)) as chunks:
        async for chunk in chunks:
            await process.send(chunk)


@asynccontextmanager
async def _started(processes: ForkServer) -> AsyncGenerator[DecodingProcess]:
    try:
        async with processes.process() as process:
            yield process
    except ChildProcessError as error:
        # No descriptor, no memory, too many processes: this gateway is at fault, not the file.
        _log.error("no decoding process can be started, or its server was killed", extra={"cause": repr(error)})
        raise Unavailable("Media files cannot be read now", _RETRY_SECONDS) from error
