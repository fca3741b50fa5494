"""Which of a session's chunks make its file, and in which order.

Numbered chunks come in the order of their numbers. A file without a number that came with a final is either the whole
recording, which then stands for all chunks, or the last chunk. It stands for them only if it plays at least as long as
they do together.
"""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gateway.catalog import Owner, SessionClaim, StoredChunk
from gateway.media.facts import NotMedia
from gateway.uploads.joins import ChunkPart, Join, plan_join, without_cuts_after_gaps
from gateway.uploads.pieces import PiecedObject
from gateway.uploads.verification import Verification
from storage_adapters.base import StorageAdapter
from storage_adapters.resumable import Piece

# Two recorders of the same sound stop within this many seconds of each other.
_SAME_LENGTH_SECONDS: Final = 0.05
_SAMPLES: Final = 3
_SAMPLE_BYTES: Final = 24
_MAX_RANGES_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The join of the parts that count. `refused` are the rows of files that no part of it came from, with the reason."""

    join: Join | None
    missing: str
    refused: dict[int, str]


class Arranger:
    """Arranges one session's chunks, reading them where only their content decides."""

    def __init__(self, adapter: StorageAdapter, verification: Verification, owner: Owner) -> None:
        self._adapter = adapter
        self._verification = verification
        self._owner = owner

    async def arrange(self, claim: SessionClaim) -> Arrangement:
        """Raises StorageError."""
        numbered, others = _parts(claim.chunks)
        missing = missing_chunks(claim)
        parts: list[ChunkPart] = list(numbered)
        refused: dict[int, str] = {}
        for extra in others:
            if extra.container is None or not parts:
                parts.append(extra)
                continue
            alone = await self._seconds((extra,))
            if alone is None:
                refused |= dict.fromkeys(extra.chunks, "The file cannot be read, and the chunks before it were kept")
            elif await self._stands_for(extra, alone, parts):
                parts, missing = [extra], ""
            else:
                parts.append(extra)
        return Arrangement(await self._longest(parts) if parts else None, missing, refused)

    async def _stands_for(self, extra: ChunkPart, seconds: float, parts: Sequence[ChunkPart]) -> bool:
        others = await self._seconds(parts) or 0.0
        if len(parts) > 1 or abs(seconds - others) > _SAME_LENGTH_SECONDS:
            return seconds >= others - _SAME_LENGTH_SECONDS
        return await self._is_copy(parts[0], extra)

    async def _is_copy(self, part: ChunkPart, of: ChunkPart) -> bool:
        """Whether bytes from the middle of the part are in the other file: the same sound in another container."""
        inner = PiecedObject(self._adapter, [Piece(part.object_key, 0, part.size)])
        places = (part.size * number // (_SAMPLES + 1) for number in range(1, _SAMPLES + 1))
        samples = [await inner.read_all(place, _SAMPLE_BYTES) for place in places]
        seen = b""
        async with aclosing(PiecedObject(self._adapter, [Piece(of.object_key, 0, of.size)]).read(0, of.size)) as chunks:
            async for chunk in chunks:
                seen = seen[-_SAMPLE_BYTES:] + chunk
                if any(sample in seen for sample in samples):
                    return True
        return False

    async def _longest(self, parts: Sequence[ChunkPart]) -> Join:
        """The join of all parts, or of those before the gaps if that plays longer."""
        join = await plan_join(self._adapter, parts)
        safe = without_cuts_after_gaps(parts)
        if len(safe) == len(parts):
            return join
        if (await self._seconds(safe) or 0.0) > (await self._seconds(parts) or 0.0):
            return await plan_join(self._adapter, safe)
        return join

    async def _seconds(self, parts: Sequence[ChunkPart]) -> float | None:
        """How long the join plays; None if it is not media."""
        join = await plan_join(self._adapter, parts)
        files = join.runs if join.is_remuxed else (join.content,)
        lengths = [await self._length(file) for file in files]
        known = [length for length in lengths if length is not None]
        return sum(known) if known else None

    async def _length(self, file: PiecedObject) -> float | None:
        try:
            return (await self._verification.examine(file, self._owner)).duration_seconds or 0.0
        except NotMedia:
            return None


def _parts(chunks: Iterable[StoredChunk]) -> tuple[list[ChunkPart], list[ChunkPart]]:
    """The parts that have numbers, in their order, and the others in the order of their arrival."""
    objects: dict[str, list[StoredChunk]] = {}
    for chunk in chunks:
        objects.setdefault(chunk.object_key, []).append(chunk)
    parts = [_part(rows) for rows in objects.values()]
    return [each for each in parts if each.first is not None], [each for each in parts if each.first is None]


def _part(rows: Sequence[StoredChunk]) -> ChunkPart:
    numbers = [row.number for row in rows if row.number is not None]
    return ChunkPart(
        object_key=rows[0].object_key,
        size=rows[0].object_size,
        container=rows[0].container,
        first=min(numbers, default=None),
        last=max(numbers, default=None),
        chunks=tuple(row.id for row in rows),
    )


def missing_chunks(claim: SessionClaim) -> str:
    """The numbers that did not arrive, like `1, 3-5`; as many as fit into a sentence."""
    numbers = sorted({chunk.number for chunk in claim.chunks if chunk.number is not None})
    edges = [-1, *numbers, max(claim.chunk_count or 0, numbers[-1] + 1 if numbers else 0)]
    gaps = [(before + 1, after - 1) for before, after in pairwise(edges) if after - before > 1]
    ranges = [str(first) if first == last else f"{first}-{last}" for first, last in gaps]
    more = ["..."] if len(ranges) > _MAX_RANGES_NAMED else []
    return ", ".join(ranges[:_MAX_RANGES_NAMED] + more)
