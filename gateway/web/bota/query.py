"""What Bota's clients send outside of bodies: ids in paths, queries, idempotency keys. Every fault is named by its field.

Unknown query parameters are ignored, as in Vexa's dialect.
"""

import hashlib
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gateway.catalog import IdempotencyKey, Position, RecordingFilter, RecordingStatus
from gateway.errors import Fault, Invalid, NotFound
from gateway.protocol.cursor import decode_cursor
from gateway.protocol.ids import decode_id
from gateway.web.parameters import Moment, Text, parse_query
from gateway.web.receiving.json_bodies import read_json_bytes

MAX_ID_LENGTH: Final = 255
MAX_SEARCH_LENGTH: Final = 200
MAX_IDEMPOTENCY_KEY_LENGTH: Final = 255
_MAX_BIGINT: Final = 2**63 - 1


def _position(text: str) -> Position:
    found = decode_cursor(text)
    if found is None:
        raise PydanticCustomError("cursor", "Input should be the next_cursor of a page")
    return Position(*found)


ClientId = Annotated[Text, Field(max_length=MAX_ID_LENGTH)]
Cursor = Annotated[Position, BeforeValidator(_position)]


class BotaRecordingsQuery(BaseModel):
    """`GET /v1/recordings`."""

    limit: int = Field(25, ge=1, le=100)
    offset: int = Field(0, ge=0, le=_MAX_BIGINT)
    device_id: ClientId | None = None
    end_user_id: ClientId | None = None
    status: RecordingStatus | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    cursor: Cursor | None = None
    q: Annotated[Text, Field(max_length=MAX_SEARCH_LENGTH)] | None = None


def parse_recordings_query(request: web.Request) -> tuple[RecordingFilter, int, int]:
    """(filter, limit, offset). Raises Invalid."""
    query = parse_query(BotaRecordingsQuery, request)
    if query.cursor and query.offset:
        raise Invalid((Fault("exclusive", ("query", "offset"), "Input should be 0 where there is a cursor", None),))
    wanted = RecordingFilter(
        device_id=query.device_id,
        end_user_id=query.end_user_id,
        status=query.status,
        created_after=query.created_after,
        created_before=query.created_before,
        older_than=query.cursor,
    )
    return wanted, query.limit, query.offset


def parse_search_query(request: web.Request) -> tuple[str, int, int] | None:
    """(text, limit, offset) of a search; None if the request is not one. Raises Invalid."""
    query = parse_query(BotaRecordingsQuery, request)
    return None if query.q is None else (query.q, query.limit, query.offset)


def path_recording_id(request: web.Request) -> int:
    """The integer that the path's `rec_` id encodes. Raises NotFound for anything but an id, as for an unknown one."""
    recording_id = decode_id("rec", request.match_info["recording_id"])
    if recording_id is None:
        raise NotFound("Recording not found")
    return recording_id


async def find_idempotency_key(request: web.Request) -> IdempotencyKey | None:
    """The request's `Idempotency-Key`, None without one; "the same request" is method, target and body. Raises Invalid."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    (text, *more) = given
    if more or not text.isascii() or not text.isprintable() or not 0 < len(text) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        words = f"It should be one text of 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters"
        raise Invalid((Fault("idempotency_key", ("header", "Idempotency-Key"), words, None),))
    digest = hashlib.sha256(f"{request.method} {request.path_qs}\n".encode(errors="surrogateescape"))
    digest.update(await read_json_bytes(request))
    return IdempotencyKey(text, digest.digest())
