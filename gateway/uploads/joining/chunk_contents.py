"""Compares the bytes of files to decide whether they contain the same sound; of WAV files, only the samples."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from gateway.uploads.joining.chunk_headers import HEAD_BYTES, WAV
from gateway.uploads.joining.join_plan import ChunkPart, wav_samples
from gateway.uploads.joining.pieces import PiecedObject
from storage_adapters.base import ReadableObjects
from storage_adapters.resumable import Piece

_SAMPLES: Final = 3
_SAMPLE_BYTES: Final = 24
_LONG_SAMPLE_BYTES: Final = 256
# Bytes with fewer different values are silence or a pattern, which unrelated sound may contain too.
_DIFFERENT_BYTES: Final = 6


def object_of(adapter: ReadableObjects, part: ChunkPart) -> PiecedObject:
    """The first `part.size` bytes of the part's object."""
    return PiecedObject(adapter, [Piece(part.object_key, 0, part.size)])


async def begins_with(adapter: ReadableObjects, file: ChunkPart, part: ChunkPart) -> bool | None:
    """Whether the file begins with the part's sound; None if the bytes do not decide it."""
    if file.container != part.container:
        return None
    is_wav = file.container == WAV
    if is_wav and await wav_samples(adapter, [object_of(adapter, each) for each in (file, part)]) is None:
        return None  # the WAV formats differ
    whole, beginning = await _content(adapter, [file]), await _content(adapter, [part])
    length = min(whole.stat.size, beginning.stat.size, HEAD_BYTES)
    compared = await beginning.read_all(0, length)
    if await whole.read_all(0, length) == compared:
        return True if len(set(compared)) >= _DIFFERENT_BYTES else None
    return False if is_wav else None


async def covers(adapter: ReadableObjects, file: ChunkPart, parts: Sequence[ChunkPart]) -> bool:
    """Whether the file contains the sound of all parts, in their order, after other bytes at its start."""
    whole, position = await _content(adapter, [file]), 0
    for part in parts:
        content = await _content(adapter, [part])
        sample = await content.read_all(0, _LONG_SAMPLE_BYTES)
        found = await _find(whole, sample, position) if len(set(sample)) >= _DIFFERENT_BYTES else -1
        length = content.stat.size
        if found <= 0 or await whole.digest(found, length) != await content.digest(0, length):
            return False
        position = found + length
    return True


async def _find(content: PiecedObject, sample: bytes, position: int) -> int:
    """The offset of the sample at or after `position`; -1 if it is not found."""
    seen = b""
    async with aclosing(content.read(position, max(content.stat.size - position, 0))) as chunks:
        async for chunk in chunks:
            seen += chunk
            if (found := seen.find(sample)) >= 0:
                return position + found
            kept = seen[-len(sample) + 1 :]
            position, seen = position + len(seen) - len(kept), kept
    return -1


async def contains(adapter: ReadableObjects, file: ChunkPart, part: ChunkPart) -> bool:
    """Whether the file contains bytes from the middle of the part: then it is the same sound in another container."""
    inner, outer = object_of(adapter, part), object_of(adapter, file)
    for number in range(1, _SAMPLES + 1):
        sample = await inner.read_all(part.size * number // (_SAMPLES + 1), _SAMPLE_BYTES)
        if len(set(sample)) >= _DIFFERENT_BYTES and await _find(outer, sample, 0) >= 0:
            return True
    return False


async def _content(adapter: ReadableObjects, parts: Sequence[ChunkPart]) -> PiecedObject:
    """The samples if the parts are WAV files of one format, else their bytes."""
    runs = [object_of(adapter, part) for part in parts]
    if all(part.container == WAV for part in parts) and (found := await wav_samples(adapter, runs)):
        return found[1]
    return PiecedObject(adapter, [piece for run in runs for piece in run.pieces])
