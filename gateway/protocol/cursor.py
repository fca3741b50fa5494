"""Cursors: the position where a page of a list ended, as opaque text.

Lists are ordered by (created_at, id), or first by another key, whose text is then a part of the cursor.

    base64url( microseconds since 1970, 8 octets | id, 8 octets | that text | the first 8 octets of their SHA-256 )

A cursor is a position, not a permission: a list shows only its owner's entries with or without one. The digest makes a
cursor that was cut off or mistyped an error instead of another position.
"""

import binascii
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

_POSITION: Final = struct.Struct(">qq")
_CHECK_BYTES: Final = 8
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{32,200}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def encode_cursor(created_at: datetime, id: int, text: str = "") -> str:
    """The text of a position."""
    position = _POSITION.pack((created_at - _EPOCH) // _MICROSECOND, id) + text.encode()
    return urlsafe_b64encode(position + _check(position)).decode().rstrip("=")


def decode_cursor(text: str) -> tuple[datetime, int] | tuple[datetime, int, str] | None:
    """(created_at, id) of the position, and its text where it has one; None if the text is not a cursor."""
    if not _TEXT.fullmatch(text):
        return None
    try:
        position = urlsafe_b64decode(text + "=" * (-len(text) % 4))[:-_CHECK_BYTES]
        microseconds, id = _POSITION.unpack_from(position)
        created_at = _EPOCH + microseconds * _MICROSECOND
        found = (created_at, id, more) if (more := position[_POSITION.size :].decode()) else (created_at, id)
    except (binascii.Error, UnicodeDecodeError, OverflowError):
        return None
    # One position has one text, also if the base64 has spare bits.
    return found if encode_cursor(*found) == text else None


def _check(position: bytes) -> bytes:
    return sha256(position).digest()[:_CHECK_BYTES]
