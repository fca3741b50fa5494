"""Path and query parameters: text in, checked values out, every fault named.

Knows: what a parameter may be. Refuses to know: what it is for. Faults have the shape that Vexa's clients know:
`type`, `loc`, `msg`, `input`, as pydantic words them.
"""

from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from gateway.catalog import MediaType
from gateway.errors import Fault, Invalid

_INTEGER: Final = TypeAdapter(int)
_MAX_BIGINT: Final = 2**63 - 1
# Ids have 12 digits; up to 18 digits always fit PostgreSQL's bigint.
_PLAIN_DIGITS: Final = 18

Model = TypeVar("Model", bound=BaseModel)


class RecordingsQuery(BaseModel):
    """`GET /recordings`."""

    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=_MAX_BIGINT)
    meeting_id: int | None = None


class MasterQuery(BaseModel):
    """`GET /recordings/{recording_id}/master`."""

    type: MediaType = Field("audio")


class TranscriptQuery(BaseModel):
    """`GET /transcripts/{platform}/{native_meeting_id}`."""

    meeting_id: int | None = None


def path_id(request: web.Request, name: str) -> int:
    """The integer id in the path; raises Invalid."""
    text = request.match_info[name]
    if len(text) <= _PLAIN_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    try:
        return _INTEGER.validate_python(text)
    except ValidationError as error:
        raise invalid(error, ("path", name)) from None


def parse_query(model: type[Model], request: web.Request) -> Model:
    """The query as a model; unknown parameters are ignored, the last of a repeated one counts. Raises Invalid."""
    given: dict[str, Any] = {name: value for name, value in request.query.items() if name in model.model_fields}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, ("query",)) from None


def invalid(error: ValidationError, where: tuple[str, ...]) -> Invalid:
    """The refusal that names each fault; `where` is the part of the request."""
    return Invalid(
        tuple(
            Fault(fault["type"], (*where, *fault["loc"]), fault["msg"], fault["input"])
            for fault in error.errors(include_url=False, include_context=False)
        )
    )
