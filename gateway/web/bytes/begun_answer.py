"""An answer of the byte route that is sent without a request of aiohttp's."""

from dataclasses import dataclass

from gateway.protocol.pacing import SendingPace
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.admissions import Admission
from gateway.web.exchange import Exchange
from storage_adapters.base import FilePiece, ObjectStat


@dataclass(slots=True)
class BegunAnswer:
    """An answer of which the kernel has taken `sent` bytes, counted from the first byte of the head.

    The body is the object's bytes from `offset` on, as many as the exchange promises. `piece` is its beginning in an
    open file, valid until something is awaited; None if there is no body. With a `pace`, the rest goes out no faster.
    """

    exchange: Exchange
    admission: Admission
    stat: ObjectStat
    head: bytes
    offset: int
    piece: FilePiece | None
    pace: SendingPace | None
    sent: int = 0

    @property
    def is_cut_short(self) -> bool:
        """Whether the socket took a part of what it was given, so that it is full."""
        return self.piece is not None and 0 < self.sent < len(self.head) + self.piece.length

    @property
    def body_sent(self) -> int:
        """How much of the body was sent."""
        return max(self.sent - len(self.head), 0)

    @property
    def rest(self) -> tuple[ByteSpan]:
        """What is left of the body."""
        gone = self.body_sent
        return (ByteSpan(self.offset + gone, self.exchange.promised - gone),)
