"""A response that the fast path has begun, and the byte route may have to finish, without aiohttp."""

import os
from dataclasses import dataclass

from gateway.protocol.pacing import SendingPace
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.admissions import Admission
from gateway.web.exchange import Exchange
from storage_adapters.base import FilePiece, ObjectStat


@dataclass(slots=True)
class StartedResponse:
    """A response of which the kernel has taken `sent` bytes, counted from the first byte of the head.

    `request` is the request's head. The body is the object's bytes from `offset` on, as many as the exchange promises.
    `piece` is its beginning in an open file, valid until something is awaited; None if there is no body, or if it has
    to be read from a remote storage backend. With a `pace`, the rest is sent no faster than that. A response that
    `is_wanted_whole` is expected to be read to its end. The connection is closed after it unless `keep_alive` is set.
    """

    exchange: Exchange
    admission: Admission
    stat: ObjectStat
    head: bytes
    offset: int
    piece: FilePiece | None
    pace: SendingPace | None
    is_wanted_whole: bool
    keep_alive: bool
    sent: int = 0
    request: bytes = b""

    @property
    def body_sent(self) -> int:
        """How many bytes of the body were sent."""
        return max(self.sent - len(self.head), 0)

    @property
    def unsent_piece(self) -> FilePiece | None:
        """The unsent rest of the piece; None if there is none, or if the head was not sent whole."""
        piece, sent = self.piece, self.sent - len(self.head)
        if piece is None or not 0 <= sent < piece.length:
            return None
        return FilePiece(piece.fd, piece.offset + sent, piece.length - sent)

    def read_unsent(self, most: int) -> bytes:
        """The first bytes of `unsent_piece`; empty if they cannot be read, which sending the rest finds and reports."""
        piece = self.unsent_piece
        try:
            return b"" if piece is None else os.pread(piece.fd, min(piece.length, most), piece.offset)
        except OSError:
            return b""

    @property
    def unsent(self) -> tuple[ByteSpan]:
        """The unsent rest of the body."""
        sent = self.body_sent
        return (ByteSpan(self.offset + sent, self.exchange.promised - sent),)
