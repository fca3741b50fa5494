"""The gateway's end of a decoding process: starts it, feeds it, believes none of it, ends it.

Knows: that a file which takes the process down is one that cannot be decoded. Refuses to know: PyAV, caches.
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from gateway.media.messages import BROKEN, DONE, HEAD, READ, SILENT, SIZE, SO_FAR
from gateway.media.peaks import BINS, Waveform
from storage_adapters.base import StoredObject

_log: Final = logging.getLogger(__name__)

PROGRAM: Final = (sys.executable, "-m", "gateway.media.decoding")
# What an interpreter needs to find its libraries; the gateway's secrets stay here.
_INHERITED: Final = ("PATH", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

NO_SOUND: Final = Waveform(complete=True, fault="Media file has no sound")
UNDECODABLE: Final = Waveform(complete=True, fault="Media file cannot be decoded")


async def decode(stored: StoredObject, program: Sequence[str] = PROGRAM) -> AsyncGenerator[Waveform, None]:
    """Yield the waveform as it grows; the last one is complete. `program` is what decodes.

    Raises the storage's own StorageError. Close the generator to end the process early.
    """
    async with _process(program) as process:
        try:
            async with aclosing(_listen(process, stored)) as waveforms:
                async for waveform in waveforms:
                    yield waveform
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            _log.warning("a decoding process failed", extra={"cause": repr(error)})
            yield UNDECODABLE


@asynccontextmanager
async def _process(program: Sequence[str]) -> AsyncGenerator[Process]:
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # asyncio's own loop hears of the end behind the pipe's, and a full pipe that nobody reads has none.
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()


async def _listen(process: Process, stored: StoredObject) -> AsyncGenerator[Waveform, None]:
    """Answer its questions and yield what it tells, to its last message. Raises ValueError for what is no message."""
    hears, says = process.stdout, process.stdin
    assert hears is not None  # noqa: S101 - both are pipes, above
    assert says is not None  # noqa: S101 - the same
    says.write(SIZE.pack(stored.stat.size))
    while True:
        kind, one, other = HEAD.unpack(await hears.readexactly(HEAD.size))
        if kind == READ:
            await _feed(says, stored, one, other)
        elif kind in {SO_FAR, DONE}:
            yield Waveform(await hears.readexactly(BINS), one / 1_000_000, complete=kind == DONE)
        elif kind in {SILENT, BROKEN}:
            yield NO_SOUND if kind == SILENT else UNDECODABLE
        else:
            raise ValueError("no message")
        if kind in {DONE, SILENT, BROKEN}:
            return


async def _feed(says: asyncio.StreamWriter, stored: StoredObject, offset: int, length: int) -> None:
    """The bytes that were asked for; ValueError where they are not inside the object."""
    if offset + length > stored.stat.size:
        raise ValueError("outside the object")
    async with aclosing(stored.read(offset, length)) as chunks:
        async for chunk in chunks:
            says.write(chunk)
            await says.drain()
