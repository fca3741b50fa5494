"""Parses the ids in paths, the queries and the idempotency keys of Bota's clients.

Each fault names its field. Unknown query parameters are ignored, as in Vexa's dialect.
"""

import hashlib
import re
from typing import Annotated, Final, Literal, get_args

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gateway.catalog import IdempotencyKey, MediaType, Position, RecordingFilter, RecordingSort, RecordingStatus
from gateway.errors import Fault, Invalid, require
from gateway.protocol.cursor import decode_cursor, encode_cursor
from gateway.protocol.ids import decode_id
from gateway.web.parameters import Moment, Text, parse_query
from gateway.web.receiving.json_bodies import JsonBodies

MAX_ID_LENGTH: Final = 255
MAX_SEARCH_LENGTH: Final = 200
MAX_IDEMPOTENCY_KEY_LENGTH: Final = 255
_MAX_BIGINT: Final = 2**63 - 1
_SORTS: Final[tuple[RecordingSort, ...]] = get_args(RecordingSort)
# The values that a cursor may contain for each order. A cursor is not signed, so clients can send any text.
_VALUES: Final = {"created_at": "", "duration": r"-?\d+(\.\d+)?(e[+-]?\d+)?|inf", "type": "[a-z]*", "status": "[a-z]*"}
_NO_CURSOR: Final = PydanticCustomError("cursor", "Input should be the next_cursor of a page")


def _position(text: str) -> Position:
    found = decode_cursor(text)
    if found is None:
        raise _NO_CURSOR
    created_at, id, *more = found
    sort, _, value = more[0].partition(" ") if more else (_SORTS[0], "", "")
    known = next((each for each in _SORTS if each == sort), None)
    if known is None or not re.fullmatch(_VALUES[known.removeprefix("-")], value, re.ASCII):
        raise _NO_CURSOR
    return Position(created_at, id, known, value)


def cursor_of(end: Position) -> str:
    """The cursor that continues after this position."""
    newest_first = end.sort == _SORTS[0]
    return encode_cursor(end.created_at, end.id, "" if newest_first else f"{end.sort} {end.value}")


Duration = Annotated[int, Field(ge=0, le=_MAX_BIGINT)]
ClientId = Annotated[Text, Field(max_length=MAX_ID_LENGTH)]
Cursor = Annotated[Position, BeforeValidator(_position)]


class BotaRecordingQuery(BaseModel):
    """`GET /v1/recordings/{recording_id}`."""

    include: Literal["origin"] | None = None


class BotaRecordingsQuery(BotaRecordingQuery):
    """`GET /v1/recordings`."""

    limit: int = Field(25, ge=1, le=100)
    offset: int = Field(0, ge=0, le=_MAX_BIGINT)
    device_id: ClientId | None = None
    end_user_id: ClientId | None = None
    status: RecordingStatus | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    type: MediaType | None = None
    min_duration_ms: Duration | None = None
    max_duration_ms: Duration | None = None
    sort: RecordingSort = _SORTS[0]
    cursor: Cursor | None = None
    q: Annotated[Text, Field(max_length=MAX_SEARCH_LENGTH)] | None = None

    @property
    def wanted(self) -> RecordingFilter:
        """The filter and the order of the query."""
        least, most = self.min_duration_ms, self.max_duration_ms
        return RecordingFilter(
            device_id=self.device_id,
            end_user_id=self.end_user_id,
            status=self.status,
            created_after=self.created_after,
            created_before=self.created_before,
            type=self.type,
            # Durations are shown in whole milliseconds, so the bounds include what rounds to them.
            min_duration_seconds=None if least is None else (least - 0.5) / 1000,
            max_duration_seconds=None if most is None else (most + 0.5) / 1000,
            sort=self.sort,
            older_than=self.cursor,
        )


def parse_recordings_query(request: web.Request) -> BotaRecordingsQuery:
    """The query of `GET /v1/recordings`. Raises Invalid."""
    query = parse_query(BotaRecordingsQuery, request)
    if query.cursor and query.offset:
        raise Invalid(Fault("exclusive", ("query", "offset"), "Input should be 0 where there is a cursor"))
    if query.cursor and query.cursor.sort != query.sort:
        words = f"Input should be the next_cursor of a page with sort={query.sort}"
        raise Invalid(Fault("cursor", ("query", "cursor"), words))
    return query


def includes_origin(request: web.Request) -> bool:
    """Whether the response should include the recording's origin. Raises Invalid."""
    return parse_query(BotaRecordingQuery, request).include is not None


def path_recording_id(request: web.Request) -> int:
    """The integer that the path's `rec_` id encodes. Raises NotFound for a malformed id, as for an unknown one."""
    return require(decode_id("rec", request.match_info["recording_id"]), "Recording")


async def find_idempotency_key(bodies: JsonBodies, request: web.Request) -> IdempotencyKey | None:
    """The request's `Idempotency-Key`, with a digest of method, target and body; None without one. Raises Invalid."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    (text, *more) = given
    if more or not text.isascii() or not text.isprintable() or not 0 < len(text) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        words = f"It should be one text of 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters"
        raise Invalid(Fault("idempotency_key", ("header", "Idempotency-Key"), words))
    digest = hashlib.sha256(f"{request.method} {request.path_qs}\n".encode(errors="surrogateescape"))
    digest.update(await bodies.read_bytes(request))
    return IdempotencyKey(text, digest.digest())
