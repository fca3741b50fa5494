"""An answer of the byte route whose first bytes were sent before aiohttp saw the request."""

from dataclasses import dataclass

from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.admissions import Admission
from gateway.web.exchange import Exchange
from storage_adapters.base import FilePiece, ObjectStat


@dataclass(slots=True)
class BegunAnswer:
    """A 206 of which the kernel has taken `sent` bytes, counted from the first byte of the head.

    The body starts at `offset` of the object. `piece` is its beginning in an open file, valid until something is
    awaited.
    """

    exchange: Exchange
    admission: Admission
    stat: ObjectStat
    head: bytes
    offset: int
    piece: FilePiece
    sent: int = 0

    @property
    def rest(self) -> tuple[ByteSpan]:
        """What is left of the body."""
        gone = max(self.sent - len(self.head), 0)
        return (ByteSpan(self.offset + gone, self.exchange.promised - gone),)
