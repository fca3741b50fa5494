"""Runs decoding processes: starts one for each job, serves it bytes, validates its answers, and kills it.

If a process crashes, exceeds its limits or sends an invalid answer, its file cannot be read; nothing else is affected.
"""

import asyncio
import json
import logging
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.errors import Unavailable
from gateway.media import messages
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.isolated_programs import program_of
from gateway.media.peaks import BINS
from storage_adapters.base import StorageAdapter, StoredObject, ZeroCopy
from storage_adapters.remote import Remote

_log: Final = logging.getLogger(__name__)

PROGRAM: Final = program_of("gateway.media.decoding.process")
# The only environment variables passed on: without them an interpreter in an unusual place cannot find its libraries.
_INHERITED: Final = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

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
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._turns = FairSemaphore(max_concurrent)
        self._seconds = seconds
        self._program = program

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
        return message.number / 1_000_000 if message.kind == messages.HEARD else 0.0

    async def _ask(self, job: messages.Job, stored: StoredObject, account: Hashable) -> Message:
        """Run the job and return its first message."""
        if not stored.stat.size:
            raise NotMedia("it is empty")
        async with self._turns.permit(account):
            try:
                async with asyncio.timeout(job.seconds), aclosing(run_job(job, (stored,), self._program)) as answers:
                    return await anext(answers)
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
FAILURES: Final = (asyncio.IncompleteReadError, ConnectionError, ValueError)


async def run_job(
    job: messages.Job, objects: Sequence[StoredObject], program: Sequence[str]
) -> AsyncGenerator[Message, None]:
    """Run the job in a new process, serve its reads, and yield its other messages up to the last one.

    Raises FAILURES, or Unavailable if no process can be started.
    """
    async with _process(program) as process:
        answers, requests = process.stdout, process.stdin
        assert answers is not None  # noqa: S101 - both are pipes, below
        assert requests is not None  # noqa: S101 - the same
        requests.write(job.encode())
        while True:
            kind, part, one, other = messages.HEAD.unpack(await answers.readexactly(messages.HEAD.size))
            if kind == messages.READ:
                await _serve(requests, objects[part] if part < len(objects) else None, one, other)
                continue
            yield Message(kind, one, await answers.readexactly(_content_bytes(kind, other)))
            if kind not in {messages.SO_FAR, messages.WRITTEN}:
                return


def _content_bytes(kind: bytes, length: int) -> int:
    """How many bytes follow the head. Raises ValueError for an unknown kind, or a length above its limit."""
    if kind in {messages.SO_FAR, messages.DONE}:
        return BINS
    if kind in {messages.SILENT, messages.JOINED, messages.HEARD}:
        return 0
    if kind == messages.WRITTEN and length <= messages.WRITTEN_BYTES:
        return length
    if kind in {messages.FACTS, messages.REFUSED} and length <= messages.TEXT_BYTES:
        return length
    raise ValueError(f"not a message: {kind!r} with {length} bytes")


async def _serve(requests: asyncio.StreamWriter, stored: StoredObject | None, offset: int, length: int) -> None:
    """Send the requested bytes. Raises ValueError if they are not inside the object."""
    if stored is None or offset + length > stored.stat.size:
        raise ValueError("a read outside the object")
    async with aclosing(stored.read(offset, length)) as chunks:
        async for chunk in chunks:
            requests.write(chunk)
            await requests.drain()


@asynccontextmanager
async def _process(program: Sequence[str]) -> AsyncGenerator[Process]:
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *program, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ, cwd="/"
        )
    except OSError as error:
        # No descriptor, no memory, too many processes: this gateway is at fault, not the file.
        _log.error("no decoding process can be started", extra={"cause": str(error)})
        raise Unavailable("Media files cannot be read now", _RETRY_SECONDS) from error
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # asyncio reports the exit only after the pipe has ended, and a full pipe that nobody reads never ends.
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()
