"""The fields of the tus protocol 1.0.0: text in, checked values out.

Knows: their grammar, and which checksums there are. Refuses to know: what they are for.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from gateway.errors import Fault, Invalid
from gateway.web.receiving.upload_bodies import Checksum

VERSION: Final = "1.0.0"
CONTENT_TYPE: Final = "application/offset+octet-stream"

_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_ALGORITHMS: Final[dict[str, Callable[[], Any]]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


class ChecksumMismatch(web.HTTPClientError):
    """The protocol's own status for a piece that arrived damaged."""

    status_code = 460


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata field: names, and values in base64 (absent for an empty one). Raises Invalid."""
    found = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise _invalid("Upload-Metadata", "Each value should be base64 of UTF-8 text") from None
    return found


def check_version(request: web.Request) -> None:
    """Raises HTTPPreconditionFailed unless the client speaks our version."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise web.HTTPPreconditionFailed(reason=f"Tus-Resumable should be {VERSION}")


def number_of_bytes(request: web.Request, name: str) -> int:
    """The field's number. Raises Invalid."""
    text = request.headers.get(name, "")
    if not _DIGITS.fullmatch(text):
        raise _invalid(name, "It should be a number of bytes")
    return int(text)


def find_checksum(request: web.Request) -> Checksum | None:
    """The declared checksum of the piece, None if there is none. Raises Invalid for one that is none of ours."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, declared = text.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise _invalid("Upload-Checksum", f"It should be of {', '.join(_ALGORITHMS)}")
    return Checksum("Upload-Checksum", declared, _ALGORITHMS[algorithm])


def _invalid(field: str, text: str) -> Invalid:
    return Invalid((Fault("tus", ("header", field), text, None),))
