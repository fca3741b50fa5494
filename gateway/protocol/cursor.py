"""Cursors: the position where a page of a list ended, as opaque text. Lists are ordered by (created_at, id).

    base64url( microseconds since 1970, 8 octets | id, 8 octets | the first 8 octets of their SHA-256 )

A cursor is a position, not a permission: a list shows only its owner's entries with or without one. The digest makes a
cursor that was cut off or mistyped an error instead of another position.
"""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

_POSITION: Final = struct.Struct(">qq")
_CHECK_BYTES: Final = 8
# 24 octets are 32 characters without padding or spare bits: one position has one text.
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def encode_cursor(created_at: datetime, id: int) -> str:
    """The text of a position."""
    position = _POSITION.pack((created_at - _EPOCH) // _MICROSECOND, id)
    return urlsafe_b64encode(position + _check(position)).decode()


def decode_cursor(text: str) -> tuple[datetime, int] | None:
    """(created_at, id) of the position; None if the text is not a cursor."""
    if not _TEXT.fullmatch(text):
        return None
    octets = urlsafe_b64decode(text)
    position = octets[: _POSITION.size]
    if octets[_POSITION.size :] != _check(position):
        return None
    microseconds, id = _POSITION.unpack(position)
    try:
        return _EPOCH + microseconds * _MICROSECOND, id
    except OverflowError:
        return None


def _check(position: bytes) -> bytes:
    return sha256(position).digest()[:_CHECK_BYTES]
