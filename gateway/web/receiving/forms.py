"""Reads a multipart form: some fields of text, then a file (RFC 7578).

aiohttp's parser finds the parts. It reads lines without a pause, and aligns base64 in quadratic time, so it gets a
limited number of lines and no part that claims an encoding (RFC 7578 section 4.7 deprecates them).
"""

from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from functools import cache
from typing import Final, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.errors import Fault, Invalid
from gateway.web.receiving.expectations import check_coding, permit_body
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.receiving.upload_bodies import Pace

MAX_TEXT_BYTES: Final = 64 * 1024
"""The limit for one field of text, and for all those together that are used."""

_SMALL_BYTES: Final = 4 * 1024
"""A form with a larger field needs one permit, like a JSON body, until its file begins."""

_MAX_PARTS: Final = 32
_MAX_PART_LINE_BYTES: Final = 8190
_MAX_HEADERS: Final = 64
_MAX_LINES: Final = _MAX_PARTS * (_MAX_HEADERS + 4)
# aiohttp reads up to twice as much ahead, and one more read of the socket.
_CHUNK_BYTES: Final = 64 * 1024
_IDENTITIES: Final = frozenset({"7bit", "8bit", "binary"})
# aiohttp raises these for a malformed form: for its text, its end, the head of a part, and (RuntimeError) `_charset_`.
_MALFORMED: Final = (ValueError, LookupError, RuntimeError, web.RequestPayloadError, HttpProcessingError)


class _FewLines:
    """A body of which at most _MAX_LINES lines are read. Raises ValueError for one more."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._left = _MAX_LINES
        self.read = content.read
        self.at_eof = content.at_eof
        self.unread_data = content.unread_data

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many lines")
        return await self._content.readline(max_line_length=max_line_length)


async def read_fields(
    request: web.Request, pace: Pace, names: AbstractSet[str], bodies: JsonBodies
) -> tuple[dict[str, str], BodyPartReader]:
    """The text of the fields before the file whose name is in `names`, and the file. Raises Invalid."""
    if request.content_type != "multipart/form-data":
        raise invalid_form("body", "It should be multipart/form-data")
    check_coding(request)
    await permit_body(request)
    given: dict[str, str] = {}
    try:
        form = _open_form(request)
        with ExitStack() as permits:

            @cache
            def take_permit() -> None:
                permits.enter_context(bodies.permit(request))

            for _ in range(_MAX_PARTS):
                part = await _next_part(form, pace)
                if part.name == "file":
                    return given, part
                text = await _read_text(part, pace, take_permit)
                if part.name is not None and part.name in names:
                    given[part.name] = text
                if sum(map(len, given.values())) > MAX_TEXT_BYTES:
                    raise invalid_form("body", f"The fields have more than {MAX_TEXT_BYTES} bytes")
    except _MALFORMED:
        raise invalid_form("body", "It is not well-formed multipart/form-data") from None
    raise invalid_form("body", f"It has more than {_MAX_PARTS} fields before its file")


async def read_file(file: BodyPartReader, pace: Pace) -> AsyncGenerator[bytes, None]:
    """The file's bytes. Raises Invalid."""
    try:
        while chunk := await pace.next(file.read_chunk(_CHUNK_BYTES)):
            yield chunk
    except _MALFORMED:
        raise invalid_form("file", "It is malformed, or ends early") from None


def _open_form(request: web.Request) -> MultipartReader:
    content = cast("StreamReader", _FewLines(request.content))
    return MultipartReader(request.headers, content, max_field_size=_MAX_PART_LINE_BYTES, max_headers=_MAX_HEADERS)


async def _next_part(form: MultipartReader, pace: Pace) -> BodyPartReader:
    part = await pace.next(form.next())
    if not isinstance(part, BodyPartReader):
        raise invalid_form("file", "It is missing")
    if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").strip().lower() not in _IDENTITIES:
        raise invalid_form(part.name or "body", "Content-Transfer-Encoding is not supported")
    return part


async def _read_text(part: BodyPartReader, pace: Pace, take_permit: Callable[[], None]) -> str:
    text = b""
    while chunk := await pace.next(part.read_chunk(_SMALL_BYTES)):
        if len(text) <= _SMALL_BYTES < len(text) + len(chunk):
            take_permit()
        text += chunk
        if len(text) > MAX_TEXT_BYTES:
            raise invalid_form("body", f"A field has more than {MAX_TEXT_BYTES} bytes")
    return text.decode()


def invalid_form(field: str, text: str) -> Invalid:
    """The refusal of a form because of one of its fields."""
    return Invalid(Fault("form", ("body", field), text))
