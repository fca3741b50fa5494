"""The JSON bodies that Bota's clients send.

Each fault names its field. Unknown members are refused, because a misspelt one would otherwise be lost silently.

Metadata is stored as the text that was sent, because parsing a JSON number and writing it again may change it. The text
is cut out of the body once the body is checked. A number beyond the range of a double and a lone surrogate are refused:
many clients could not parse a response that contains one.
"""

import asyncio
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from gateway.catalog import NewRecording
from gateway.errors import Fault, Invalid
from gateway.protocol.ids import decode_id
from gateway.web.bota.query import ClientId
from gateway.web.parameters import Model, Moment, Text, invalid
from gateway.web.receiving.json_bodies import JsonBodies, member_text

MAX_NAME_LENGTH: Final = 500
MAX_METADATA_BYTES: Final = 16 * 1024
MAX_METADATA_DEPTH: Final = 32
# At most this many unknown members and faults are reported.
_MAX_FAULTS: Final = 20


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise PydanticCustomError(
            "too_deep", "Input should be nested at most {depth} deep", {"depth": MAX_METADATA_DEPTH}
        )
    return metadata


def _is_deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(child, depth - 1) for child in children)


class Body(BaseModel):
    """A body without members other than those of the model."""

    model_config = ConfigDict(extra="forbid")


class CreateBody(Body):
    """`POST /v1/recordings`."""

    device_id: ClientId | None = None
    end_user_id: ClientId | None = None
    name: Annotated[Text, Field(max_length=MAX_NAME_LENGTH)] | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    metadata: Annotated[dict[str, Any], AfterValidator(_bounded)] | None = None

    @field_validator("ended_at")
    @classmethod
    def _not_before_start(cls, ended_at: Moment | None, seen: ValidationInfo) -> Moment | None:
        started_at = seen.data.get("started_at")
        if ended_at and started_at and ended_at < started_at:
            raise PydanticCustomError("ended_before_start", "Input should not be before started_at")
        return ended_at


class UploadCompleteBody(BaseModel):
    """`POST /v1/recordings/{recording_id}/upload-complete`; unlike elsewhere, other members are ignored."""

    media_ids: Annotated[list[Annotated[str, Field(strict=True)]], Field(min_length=1, max_length=1000)] | None = None


class DownloadUrlBody(Body):
    """`POST /v1/recordings/{recording_id}/download-url`."""

    media_id: Annotated[str, Field(strict=True)]


async def read_body(bodies: JsonBodies, request: web.Request, model: type[Model]) -> Model:
    """The request's body as a model, whatever its Content-Type. Raises Invalid."""
    document = await bodies.read_object(request)
    known = {name: value for name, value in document.items() if name in model.model_fields}
    unknown = islice(((name, value) for name, value in document.items() if name not in known), _MAX_FAULTS)
    try:
        return model.model_validate(known | dict(unknown))
    except ValidationError as error:
        raise Invalid(*invalid(error, ("body",)).faults[:_MAX_FAULTS]) from None


async def read_completed_media(bodies: JsonBodies, request: web.Request) -> Collection[int] | None:
    """The ids of the media files to complete; None for all. Raises Invalid."""
    has_body = await bodies.read_bytes(request)
    given = (await read_body(bodies, request, UploadCompleteBody)).media_ids if has_body else None
    if given is None:
        return None
    ids = [(index, decode_id("med", text)) for index, text in enumerate(given)]
    faults = [
        Fault("media_id", ("body", "media_ids", index), "Input should be the id of a media file", given[index])
        for index, media_id in ids
        if media_id is None
    ]
    if faults:
        raise Invalid(*faults[:_MAX_FAULTS])
    return {media_id for _, media_id in ids if media_id is not None}


async def read_new_recording(bodies: JsonBodies, request: web.Request) -> NewRecording:
    """The recording to create. Raises Invalid."""
    body = await read_body(bodies, request, CreateBody)
    metadata = None if body.metadata is None else await _metadata_text(bodies, request)
    return NewRecording(**body.model_dump(exclude={"metadata"}), metadata=metadata)


async def read_changes(bodies: JsonBodies, request: web.Request) -> Mapping[str, Any]:
    """The members of a recording that the body changes, by name; a member that is null is cleared. Raises Invalid."""
    body = await read_body(bodies, request, CreateBody)
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if body.metadata is not None:
        changes["metadata"] = await _metadata_text(bodies, request)
    return changes


async def _metadata_text(bodies: JsonBodies, request: web.Request) -> str:
    # In a thread, because 64 KiB of brackets take longer than other requests should wait.
    metadata = await asyncio.to_thread(member_text, (await bodies.read_bytes(request)).decode(), "metadata")
    if len(metadata.encode()) > MAX_METADATA_BYTES:
        words = f"Input should be at most {MAX_METADATA_BYTES} bytes"
        raise Invalid(Fault("too_long", ("body", "metadata"), words))
    return metadata
