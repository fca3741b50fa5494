"""A probe of bytes in this process: what the decoding process answers, without its start."""

from gateway.media.decoding.object_file import ObjectBlocks, ObjectFile, ReadBudget
from gateway.media.decoding.probing import probe as probe_file
from gateway.media.facts import MediaFacts


def object_file(content: bytes, budget_bytes: int | None = None) -> ObjectFile:
    """These bytes as a file, of which at most `budget_bytes` may be read."""

    def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    return ObjectFile(ObjectBlocks(read, len(content), 65_536, ReadBudget(budget_bytes, 60)))


def probe(content: bytes, *, budget_bytes: int | None = None) -> MediaFacts:
    """What these bytes are. Raises NotMedia."""
    return probe_file(
        object_file(content, budget_bytes), sparing=budget_bytes is not None and len(content) > budget_bytes
    )
