"""The fields of the tus protocol 1.0.0: their grammar, and the checksums that are supported."""

import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

from aiohttp import web

from gateway.errors import Fault, Invalid, Refusal
from gateway.web.bota.upload_urls import UploadUrlBody, parse_promise
from gateway.web.dialects import refusal_response
from gateway.web.receiving.upload_bodies import Checksum
from storage_adapters.base import StorageError

VERSION: Final = "1.0.0"
EXTENSIONS: Final = ("creation", "checksum", "expiration", "termination")
CONTENT_TYPE: Final = "application/offset+octet-stream"

_USED_METADATA: Final = {"recording_id", "type", "content_type", "filetype"}
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
ALGORITHMS: Final[dict[str, Callable[[], Any]]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


class ChecksumMismatch(web.HTTPClientError):
    """The protocol's own status for a piece that arrived damaged."""

    status_code = 460


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata field: names, and values in base64 (absent for an empty one).

    A pair that cannot be decoded is ignored. Raises Invalid if it is one that the gateway uses.
    """
    found = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            if name in _USED_METADATA:
                raise _invalid("Upload-Metadata", f"{name} should be base64 of UTF-8 text") from None
    return found


def check_version(request: web.Request) -> None:
    """Raise HTTPPreconditionFailed unless the client uses our version."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise web.HTTPPreconditionFailed(reason=f"Tus-Resumable should be {VERSION}")


def check_extensions(request: web.Request) -> None:
    """Raise Invalid if the client wants its upload to become a part of a file, which would be a file of its own here."""
    if "Upload-Concat" in request.headers:
        raise _invalid("Upload-Concat", f"Concatenation is not supported; Tus-Extension is {','.join(EXTENSIONS)}")


def number_of_bytes(request: web.Request, name: str) -> int:
    """The field's number. Raises Invalid."""
    text = request.headers.get(name, "")
    if not _DIGITS.fullmatch(text):
        raise _invalid(name, "It should be a number of bytes")
    return int(text)


def find_checksum(request: web.Request) -> Checksum | None:
    """The declared checksum of the piece, None without one. Raises Invalid for an unsupported or malformed one."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, declared = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _invalid("Upload-Checksum", f"It should be of {', '.join(ALGORITHMS)}")
    return Checksum("Upload-Checksum", declared, ALGORITHMS[algorithm])


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(Fault("tus", ("header", field), text))


def parse_tus_promise(metadata: dict[str, str], length: int) -> UploadUrlBody:
    """The promise of an upload. Without a `type`, it follows from `content_type` or `filetype` (from browser clients).

    A `filetype` that does not fit the `type` is ignored, because it is only the browser's guess.
    """
    declared, guessed = metadata.get("content_type"), metadata.get("filetype")
    type = metadata.get("type") or (declared or guessed or "").partition("/")[0]
    members = {"type": type, "content_type": declared or guessed or None, "file_size_bytes": length}
    try:
        return parse_promise(members)
    except Invalid:
        if declared or not metadata.get("type"):
            raise
        return parse_promise(members | {"content_type": None})


TusHandler = Callable[[Any, web.Request], Awaitable[web.Response]]


def with_tus_fields(handler: TusHandler) -> TusHandler:
    """Add Tus-Resumable to every response, including refusals, and Tus-Version to the refusal of another version."""

    @wraps(handler)
    async def handle(routes: Any, request: web.Request) -> web.Response:
        try:
            response = await handler(routes, request)
        except (Refusal, StorageError, web.HTTPException) as error:
            response = refusal_response(request, error)
        response.headers["Tus-Resumable"] = VERSION
        if response.status == web.HTTPPreconditionFailed.status_code:
            response.headers["Tus-Version"] = VERSION
        return response

    return handle
