"""Computes each waveform once for all clients that request it, and a bounded number of waveforms at a time.

Clients get a response after at most about a second. A waveform belongs to one version of an object; its computation
continues when the clients that requested it have disconnected.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from typing import Final

from gateway.errors import Unavailable
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.fork_server import DECODING, ForkServer
from gateway.media.messages import DONE, SILENT, SO_FAR, Job
from gateway.media.peaks import Waveform
from gateway.media.prober import BLOCK_BYTES, FAILURES, Message, run_job
from gateway.media.waveform_cache import WaveformCache
from gateway.storage import Storage
from storage_adapters.base import ObjectChanged, StoredObject

_log: Final = logging.getLogger(__name__)

# Part of each name in the cache. Increment it when waveforms are computed differently: cached ones are not reused then.
_EDITION: Final = "3"
# After this long, return the part that is computed; the waveforms of most recordings are complete by then.
_ANSWER_SECONDS: Final = 1.0
_MAX_WAITING: Final = 100
_RETRY_SECONDS: Final = 10

NO_SOUND: Final = Waveform(complete=True, fault="Media file has no sound")
UNDECODABLE: Final = Waveform(complete=True, fault="Media file cannot be decoded")


class Waveforms:
    """The waveforms of stored objects.

    At most `max_concurrent` are computed at a time, and owners take turns. One that takes longer than `timeout_seconds`
    is ended, and the part computed by then counts as complete.
    """

    def __init__(self, cache: WaveformCache, *, max_concurrent: int, timeout_seconds: float) -> None:
        self._cache = cache
        self._turns = FairSemaphore(max_concurrent)
        self._timeout_seconds = timeout_seconds
        self._running: dict[str, asyncio.Task[Waveform]] = {}

    async def find(self, storage: Storage, key: str, owner_id: int) -> Waveform:
        """The waveform of the object's current version, or the part of it that is computed within _ANSWER_SECONDS.

        Raises StorageError, or Unavailable if too many are requested, the cache cannot be written or no process starts.
        """
        async with storage.adapter.open(key) as stored:
            etag = stored.stat.etag
        name = _name(storage.name, key, etag)
        cached = await self._find(name)
        if cached.complete:
            return cached
        task = self._running.get(name) or self._begin(name, storage, key, etag, owner_id)
        await asyncio.wait({task}, timeout=_ANSWER_SECONDS)
        if task.cancelled():
            raise Unavailable("The computation of the waveform was cancelled", _RETRY_SECONDS)
        return task.result() if task.done() else await self._find(name)

    async def forget(self, storage: str, keys: Iterable[str]) -> None:
        """Remove the waveforms of deleted objects, and cancel those that this process computes. Raises OSError."""
        objects = {_digest(storage, key) for key in keys}
        running = {task for name, task in self._running.items() if name.partition("-")[0] in objects}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await asyncio.to_thread(self._cache.forget, objects)

    async def close(self) -> None:
        """Cancel all computations and wait for them."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find(self, name: str) -> Waveform:
        return await asyncio.to_thread(self._cache.find, name) or Waveform()

    def _begin(self, name: str, storage: Storage, key: str, etag: str, owner_id: int) -> asyncio.Task[Waveform]:
        if len(self._running) >= _MAX_WAITING:
            raise Unavailable("Too many waveforms are being computed", _RETRY_SECONDS)
        task = self._running[name] = asyncio.create_task(self._compute(name, storage, key, etag, owner_id))
        task.add_done_callback(lambda done: self._end(name, done))
        return task

    def _end(self, name: str, task: asyncio.Task[Waveform]) -> None:
        del self._running[name]
        if not task.cancelled() and (error := task.exception()):
            # A client that still waits gets the error, but all may have disconnected.
            cause = error.__cause__ or error
            _log.warning("a waveform could not be computed", extra={"cause": str(cause), "kind": type(cause).__name__})

    async def _compute(self, name: str, storage: Storage, key: str, etag: str, owner_id: int) -> Waveform:
        try:
            async with self._turns.permit(owner_id):
                with self._cache.locked(name) as is_ours:  # does not block
                    cached = await self._find(name)
                    if cached.complete or not is_ours:  # another process computed it, or does so now
                        return cached
                    return await self._decode(name, storage, key, etag)
        except OSError as error:  # the cache cannot be written
            raise Unavailable("Waveforms cannot be computed now", _RETRY_SECONDS) from error

    async def _decode(self, name: str, storage: Storage, key: str, etag: str) -> Waveform:
        latest = Waveform()
        try:
            async with asyncio.timeout(self._timeout_seconds), storage.adapter.open(key) as stored:
                if stored.stat.etag != etag:
                    raise ObjectChanged(key, "it was replaced before it was decoded")
                async with aclosing(decode(stored, self._timeout_seconds)) as waveforms:
                    async for latest in waveforms:
                        await asyncio.to_thread(self._cache.store, name, latest)
        except TimeoutError:
            latest = replace(latest, complete=True) if latest.bins else UNDECODABLE
            await asyncio.to_thread(self._cache.store, name, latest)
        return latest


def _name(storage: str, key: str, etag: str) -> str:
    """The name of a version's waveform in the cache: a digest of the object, a hyphen, and one of the version."""
    return f"{_digest(storage, key)}-{_digest(_EDITION, etag)}"


def _digest(*words: str) -> str:
    return sha256(repr(words).encode()).hexdigest()[:32]


async def decode(
    stored: StoredObject, seconds: float = 900, processes: ForkServer = DECODING
) -> AsyncGenerator[Waveform, None]:
    """Yield the waveform as it grows; the last one is complete. The process limits itself to `seconds` of CPU time.

    Raises the StorageError of a read, or Unavailable if no process can be started. Close the generator to kill the
    process early.
    """
    job = Job("waveform", (stored.stat.size,), seconds, BLOCK_BYTES)
    try:
        async with aclosing(run_job(job, (stored,), processes)) as messages:
            async for message in messages:
                yield _waveform(message)
    except FAILURES as error:
        _log.warning("a decoding process failed", extra={"cause": repr(error)})
        yield UNDECODABLE


def _waveform(message: Message) -> Waveform:
    if message.kind in {SO_FAR, DONE}:
        return Waveform(message.content, message.number / 1_000_000, complete=message.kind == DONE)
    return NO_SOUND if message.kind == SILENT else UNDECODABLE
