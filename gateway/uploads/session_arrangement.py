"""Decides which of a session's chunks make its file, and in which order.

Numbered chunks are ordered by number. A file without a number that came with a final is either the whole recording,
which then replaces all chunks, or the last chunk. It replaces them only if it plays as long as they do together and as
much of it can be decoded, so that a worse file never replaces a better one.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, Literal

from gateway.catalog import SessionClaim, StoredChunk
from gateway.media.facts import NotMedia
from gateway.media.prober import Prober
from gateway.uploads.joining.chunk_contents import begins_with, contains, covers, object_of
from gateway.uploads.joining.chunk_headers import FIRST_BYTES, container_of
from gateway.uploads.joining.join_plan import ChunkPart, Join, plan_join, without_cuts_after_gaps
from gateway.uploads.joining.pieces import PiecedObject
from storage_adapters.base import StorageAdapter

# Two recorders of the same sound stop within this many seconds of each other.
_SAME_LENGTH_SECONDS: Final = 0.05
# Encoders add or remove up to this many seconds at the ends.
_DECODED_SECONDS: Final = 0.15
_MAX_RANGES_NAMED: Final = 20

Measure = Callable[[PiecedObject], Awaitable[float | None]]
Role = Literal["whole", "last", "first", "unreadable", "shorter"]


@dataclass(slots=True)
class Arrangement:
    """The parts of a session's file, in order. `missing` lists the numbers that did not arrive.

    `refused` maps the rows of files that cannot be read to the reason; `notes` say which files are kept but not used.
    """

    parts: list[ChunkPart]
    missing: str
    join: Join | None = None
    refused: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Arranger:
    """Arranges one session's chunks; reads them only if nothing else decides."""

    adapter: StorageAdapter
    prober: Prober
    claim: SessionClaim

    async def arrange(self) -> Arrangement:
        """Arrange the chunks of the claim and plan their join. Raises StorageError."""
        numbered, others = _parts(self.claim.chunks)
        if numbered and numbered[0].container is None:  # older gateways did not record it
            head = await object_of(self.adapter, numbered[0]).read_all(0, FIRST_BYTES)
            numbered[0] = replace(numbered[0], container=container_of(head))
        found = Arrangement(numbered, self._missing())
        if await self._covers_the_rest(numbered):
            found.parts, found.missing = numbered[:1], ""
        for extra in others:
            await self._take(extra, found)
        found.join = await self._longest(found.parts) if found.parts else None
        return found

    def _missing(self, *more: int) -> str:
        numbered = {chunk.number: chunk.object_key for chunk in self.claim.chunks if chunk.number is not None}
        # Chunks share an object only if none was missing. If number 0 is absent, the one without a number is the first.
        first = [0 for chunk in self.claim.chunks if chunk.number is None and chunk.object_key in numbered.values()]
        return missing_numbers([*numbered, *first, *more], self.claim.chunk_count or 0)

    async def _take(self, extra: ChunkPart, found: Arrangement) -> None:
        """Add a file without a number to the parts, replace the parts with it, or leave it out."""
        if extra.container is None or not found.parts:
            found.parts.append(extra)
            return
        match await self._role(extra, found.parts):
            case "whole":
                found.parts, found.missing = [extra], ""
            case "first":
                found.parts.insert(0, extra)
                found.missing = self._missing(0)
            case "last":
                found.parts.append(extra)
            case "shorter":
                found.notes.append("A whole file arrived that plays less than the chunks; it is kept, and not used")
            case "unreadable":
                reason = "The file cannot be read, and the chunks before it were kept"
                found.refused |= dict.fromkeys(extra.chunks, reason)

    async def _role(self, extra: ChunkPart, parts: Sequence[ChunkPart]) -> Role:
        """The role of a file that begins with a header, given these parts."""
        alone, others = await self._seconds((extra,)), await self._seconds(parts)
        if alone is None:
            begins = parts[0].container is None and await self._seconds((extra, *parts)) is not None
            return "first" if begins else "unreadable"
        if others is None:
            return "whole"
        longer = alone > others + _SAME_LENGTH_SECONDS
        if not await self._is_whole(extra, parts, longer=longer, as_long=alone >= others - _SAME_LENGTH_SECONDS):
            return "last"
        if alone < others - _SAME_LENGTH_SECONDS or not await self._is_decodable(extra, parts):
            return "shorter"
        return "whole"

    async def _is_whole(self, extra: ChunkPart, parts: Sequence[ChunkPart], *, longer: bool, as_long: bool) -> bool:
        """Whether the file is meant to be the whole recording, and not its last chunk."""
        several = sum(len(part.chunks) for part in parts) > 1
        is_copy = await begins_with(self.adapter, extra, parts[0])
        kinds = {part.container for part in parts if part.container is not None}
        if is_copy or (several and (self._are_cuts or (len(kinds) == 1 and extra.container not in kinds))):
            return True
        if is_copy is False:
            return longer
        return (as_long if several else longer) or await contains(self.adapter, extra, parts[0])

    @property
    def _are_cuts(self) -> bool:
        """Whether the numbered chunks are cuts of one file."""
        numbered = [chunk for chunk in self.claim.chunks if chunk.number is not None]
        return len(numbered) > 1 and all(chunk.container is None for chunk in numbered[1:])

    async def _covers_the_rest(self, numbered: Sequence[ChunkPart]) -> bool:
        """Whether the first chunk came as a final and contains the others: the whole file, sent before its chunks."""
        first, rest = numbered[:1], numbered[1:]
        came_as_final = first and first[0].chunks == (self.claim.chunks[0].id,) and self.claim.chunks[0].closes
        if not (came_as_final and rest and await covers(self.adapter, first[0], rest)):
            return False
        with suppress(NotMedia):  # a file that was cut off counts as a chunk, whatever it contains
            facts = await self.prober.probe(object_of(self.adapter, first[0]), self.claim.owner.user_id)
            return "warning" not in facts.metadata
        return False

    async def _longest(self, parts: Sequence[ChunkPart]) -> Join:
        """The join of all parts, or of those before the gaps if that plays longer."""
        safe = without_cuts_after_gaps(parts)
        if len(safe) < len(parts) and (await self._seconds(safe) or 0.0) > (await self._seconds(parts) or 0.0):
            return await plan_join(self.adapter, safe)
        return await plan_join(self.adapter, parts)

    async def _seconds(self, parts: Sequence[ChunkPart]) -> float | None:
        """How many seconds the join of the parts plays; None if it is not media."""
        return await self._sum(parts, self._length)

    async def _is_decodable(self, file: ChunkPart, parts: Sequence[ChunkPart]) -> bool:
        """Whether as many seconds of the file can be decoded as of the parts."""
        decoded, others = await self._sum((file,), self._decoded), await self._sum(parts, self._decoded)
        return (decoded or 0.0) >= (others or 0.0) - _DECODED_SECONDS

    async def _sum(self, parts: Sequence[ChunkPart], measure: Measure) -> float | None:
        join = await plan_join(self.adapter, parts)
        lengths = [await measure(file) for file in (join.runs if join.is_remuxed else (join.content,))]
        known = [length for length in lengths if length is not None]
        return sum(known) if known else None

    async def _length(self, file: PiecedObject) -> float | None:
        with suppress(NotMedia):
            return (await self.prober.probe(file, self.claim.owner.user_id)).duration_seconds or 0.0
        return None

    async def _decoded(self, file: PiecedObject) -> float | None:
        with suppress(NotMedia):
            return await self.prober.count_decoded(file, self.claim.owner.user_id)
        return None


def _parts(chunks: Iterable[StoredChunk]) -> tuple[list[ChunkPart], list[ChunkPart]]:
    """The parts with numbers, and the parts without, each in the order of `chunks`."""
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


def missing_numbers(numbers: Iterable[int], count: int = 0, first: int = 0) -> str:
    """The missing numbers as text like `1, 3-5`, in at most 20 ranges.

    They are searched for from `first` to the highest of the `numbers`, or to `count - 1` if that is higher.
    """
    present = sorted(set(numbers))
    edges = [first - 1, *present, max(count, present[-1] + 1 if present else 0)]
    gaps = [(before + 1, after - 1) for before, after in pairwise(edges) if after - before > 1]
    ranges = [str(first) if first == last else f"{first}-{last}" for first, last in gaps]
    more = ["..."] if len(ranges) > _MAX_RANGES_NAMED else []
    return ", ".join(ranges[:_MAX_RANGES_NAMED] + more)
