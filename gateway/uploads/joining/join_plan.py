"""Plans how chunks are joined into one file.

Chunks are grouped in runs: a run is a chunk with a file header and the cuts of that file that follow it. The bytes of a
single run are concatenated. Each of several runs is a file, and their kind decides how they are joined:

    WAV     one header, then the samples of each; also if one chunk contains several files or more than its header says
    Ogg     concatenated to a chain (RFC 3533 section 4); no two links use the same serial number for a logical stream
    others  remuxed by a decoding process, as are files of different kinds or encodings
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gateway.uploads.joining import chunk_headers
from gateway.uploads.joining.pieces import PiecedObject
from storage_adapters.base import ReadableObjects
from storage_adapters.resumable import Piece

_OGG_HEAD_BYTES: Final = 512
# At most this many bytes after a WAV's samples are taken for a tag that is not a RIFF chunk, and not for sound.
_PADDING_BYTES: Final = 1024
# At most this many WAV files are searched for inside the chunks of a session, after the one that each begins with.
_MAX_INNER_FILES: Final = 10_000


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """An object that contains one chunk or several joined ones; `chunks` are the ids of their rows.

    `first` and `last` are the lowest and highest number of the chunks, None if they have none.
    """

    object_key: str
    size: int
    container: str | None
    first: int | None
    last: int | None
    chunks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """A plan that makes one file of parts. `content` is that file, apart from the serial numbers of Ogg streams.

    If `is_remuxed`, the file is remuxed from `runs` instead, and `content` must not be stored.
    """

    parts: tuple[ChunkPart, ...]
    content: PiecedObject
    container: str | None
    runs: tuple[PiecedObject, ...]

    @property
    def is_remuxed(self) -> bool:
        """Whether a decoding process has to write the file."""
        return len(self.runs) > 1 and self.container not in {chunk_headers.WAV, chunk_headers.OGG}

    @property
    def whole_object(self) -> str | None:
        """The key of the stored object that already is this file; None if the file has to be written."""
        match self.content.pieces:
            case [Piece(key, 0, length)] if length == self.parts[0].size:
                return key
        return None


def group_runs(parts: Sequence[ChunkPart]) -> list[list[ChunkPart]]:
    """The parts, grouped in runs."""
    runs: list[list[ChunkPart]] = []
    for part in parts:
        if runs and chunk_headers.continues(part.container, _kind_of(runs[-1])):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _kind_of(run: Sequence[ChunkPart]) -> str | None:
    return next((part.container for part in run if part.container is not None), None)


def without_cuts_after_gaps(parts: Sequence[ChunkPart]) -> tuple[ChunkPart, ...]:
    """The parts without those that continue a file across a missing chunk."""
    return tuple(part for run in group_runs(parts) for part in _until_gap(run))


def _until_gap(run: Sequence[ChunkPart]) -> Sequence[ChunkPart]:
    for number, (before, after) in enumerate(pairwise(run), start=1):
        if before.last is not None and after.first is not None and after.first != before.last + 1:
            return run[:number]
    return run


async def plan_join(adapter: ReadableObjects, parts: Sequence[ChunkPart]) -> Join:
    """Plan how these parts are joined into one file. Raises StorageError."""
    groups = group_runs(parts)
    runs = [PiecedObject(adapter, [Piece(part.object_key, 0, part.size) for part in run]) for run in groups]
    kinds = {_kind_of(run) for run in groups}
    container = kinds.pop() if len(kinds) == 1 else None
    content = PiecedObject(adapter, [piece for run in runs for piece in run.pieces])
    if container == chunk_headers.WAV:
        joined = await _join_wavs(adapter, runs, 0 if len(parts) > 1 else _PADDING_BYTES)
        content, container = joined or content, container if joined or len(runs) == 1 else None
    if container == chunk_headers.OGG and len({await _ogg_codec(run) for run in runs}) > 1:
        container = None
    return Join(tuple(parts), content, container, tuple(runs))


async def _ogg_codec(run: PiecedObject) -> bytes:
    """Codec, channels and, except for Opus, rate: players continue with the next link only if these are the same."""
    head = await run.read_all(0, _OGG_HEAD_BYTES)
    packet = head[27 + head[26] :] if len(head) > 26 else b""
    return packet[:10] if packet.startswith(b"OpusHead") else packet[:16]


async def wav_samples(adapter: ReadableObjects, runs: Sequence[PiecedObject]) -> tuple[bytes, PiecedObject] | None:
    """The common format and the samples of all runs; None if a run is not a WAV file or the formats differ.

    Also None if the runs contain too many files: a client can put one into every 46 bytes.
    """
    formats, pieces, inner = set[bytes](), list[Piece | bytes](), 0
    for run in runs:
        position: int | None = 0
        while position is not None:
            layout = chunk_headers.read_wav(await run.read_all(position, chunk_headers.HEAD_BYTES), position)
            if layout is None:
                return None
            length, position = await _sample_bytes(run, layout)
            formats.add(layout.format)
            inner += position is not None
            if len(formats) > 1 or inner > _MAX_INNER_FILES:
                return None
            pieces += run.cut(layout.offset, length)
    return (formats.pop(), PiecedObject(adapter, pieces)) if formats else None


async def _join_wavs(adapter: ReadableObjects, runs: Sequence[PiecedObject], padding: int) -> PiecedObject | None:
    """One WAV file with the samples of all runs; None if the bytes need no change, or if the formats differ.

    Up to `padding` bytes after the samples that the header of a single run claims are ignored.
    """
    found = await wav_samples(adapter, runs)
    if found is None:
        return None
    format, samples = found
    total = samples.stat.size
    if len(runs) == 1:
        layout = chunk_headers.read_wav(await runs[0].read_all(0, chunk_headers.HEAD_BYTES))
        if layout is None or total - (layout.claimed or total) <= padding:
            return None
    rest = [b"\0"] if total % 2 else []
    return PiecedObject(adapter, [chunk_headers.wav_header(format, total), *samples.pieces, *rest])


async def _sample_bytes(run: PiecedObject, layout: chunk_headers.WavLayout) -> tuple[int, int | None]:
    """The length of the samples, and the offset of the WAV file that follows them, None if none does.

    The samples extend to the end of the run, unless a WAV file or well-formed RIFF chunks follow their claimed end.
    """
    left, follows = run.stat.size - layout.offset, None
    if layout.claimed is not None:
        tail_at = layout.claimed + layout.claimed % 2
        tail = await run.read_all(layout.offset + tail_at, chunk_headers.HEAD_BYTES)
        if chunk_headers.container_of(tail) == chunk_headers.WAV:
            follows = layout.offset + tail_at
        if follows or left < layout.claimed or chunk_headers.is_riff_tail(tail, left - tail_at):
            left = min(left, layout.claimed)
    return left - left % layout.frame_bytes, follows
