"""Parses and checks the values of paths, queries and bodies. Each fault names its field.

Faults have the members that Vexa's clients read (`type`, `loc`, `msg`, `input`), worded as by pydantic.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from gateway.catalog import MediaType
from gateway.errors import Fault, Invalid

_INTEGER: Final = TypeAdapter(int)
_MAX_BIGINT: Final = 2**63 - 1
# Ids have 12 digits; up to 18 digits always fit PostgreSQL's bigint.
_PLAIN_DIGITS: Final = 18

# RFC 3339 section 5.6, without leap seconds.
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)

_CALENDAR_ENDS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _moment(value: object) -> datetime:
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            moment = _CALENDAR_ENDS[0]
        # The database's driver writes both ends of the calendar as infinity.
        if moment not in _CALENDAR_ENDS:
            return moment
    raise PydanticCustomError(
        "date_time",
        "Input should be an RFC 3339 time with an offset, like 2026-01-31T09:30:00Z, within years 1 to 9999",
    )


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # octets of a query that are not UTF-8
        raise PydanticCustomError("text", "Input should be Unicode text") from None
    if "\0" in text:
        raise PydanticCustomError("text", "Input should not contain NUL")
    return text


Moment = Annotated[datetime, BeforeValidator(_moment)]
Text = Annotated[str, Field(strict=True), AfterValidator(_storable)]
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


def path_token(request: web.Request) -> str | None:
    """The path's token; None if it is percent-encoded, because a token has one spelling."""
    token = request.match_info["token"]
    return token if token in request.rel_url.raw_path.split("/") else None


def parse_query(model: type[Model], request: web.Request) -> Model:
    """The query as a model; unknown parameters are ignored, and the last of repeated ones counts. Raises Invalid."""
    return validated(
        model, {name: value for name, value in request.query.items() if name in model.model_fields}, "query"
    )


def validated(model: type[Model], given: Mapping[str, Any], where: str) -> Model:
    """The given values as a model; `where` is the part of the request that they are from. Raises Invalid."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, (where,)) from None


def invalid(error: ValidationError, where: tuple[str, ...]) -> Invalid:
    """The refusal that names each fault; `where` is the part of the request."""
    faults = error.errors(include_url=False, include_context=False)
    return Invalid(*(Fault(each["type"], (*where, *each["loc"]), each["msg"], each["input"]) for each in faults))
