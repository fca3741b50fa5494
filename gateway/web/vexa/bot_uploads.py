"""Uploads of meeting bots in Vexa's dialect: `POST /internal/recordings/upload`, a multipart form.

A bot sends a key with `recordings:write`, or the shared secret. Recordings that arrive with the secret belong to one
user, who is named in the settings.

    metadata       a JSON object with the fields below; a field of the form itself overrides it
    session_uid    the session, which becomes one recording
    media_type     audio (default) or video
    chunk_seq      the chunk's number, from 0; a chunk without a number follows those that arrived
    is_final       whether it is the last (default)
    file           the bytes, after the fields; whatever follows the file is not read

Formats, durations and rates that bots send are ignored: the gateway finds them by reading the file.
"""

import hmac
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field

from gateway.catalog import ApiKeys, Owner, Recording, Scope
from gateway.uploads.bot_sessions import Chunk, Sessions
from gateway.web.access.authentication import Authenticator, bearer_token
from gateway.web.exchange import EXCHANGE
from gateway.web.parameters import Text, validated
from gateway.web.receiving.forms import invalid_form, read_fields, read_file
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.receiving.upload_bodies import Allowance, Pace, ReceiveLimits, StreamsOf, checked
from gateway.web.responses import json_response
from gateway.web.vexa.shapes import STATUS


def _no_bool(value: object) -> object:
    """Make text of a boolean, so that pydantic refuses it: Python's booleans are integers."""
    return str(value) if isinstance(value, bool) else value


class ChunkForm(BaseModel):
    """The fields of the form that are used, except for the file."""

    session_uid: Annotated[Text, Field(min_length=1, max_length=255)]
    media_type: Literal["audio", "video"] = "audio"
    chunk_seq: Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=1_000_000)] | None = None
    is_final: bool = True


_FIELDS: Final = frozenset({"metadata", *ChunkForm.model_fields})


@dataclass(frozen=True, slots=True)
class InternalSecret:
    """The shared secret, and the e-mail address of the user who owns the recordings that arrive with it."""

    secret: str
    owner: str


@dataclass(frozen=True, slots=True)
class BotUploadRoutes:
    """The route of bots' uploads. If `internal` is None, only keys are accepted."""

    authenticator: Authenticator
    bodies: JsonBodies
    api_keys: ApiKeys
    internal: InternalSecret | None
    sessions: Sessions
    streams: StreamsOf
    receive_limits: ReceiveLimits

    async def upload(self, request: web.Request) -> web.Response:
        """`POST /internal/recordings/upload`: a chunk, or a whole file."""
        owner = await self._owner(request)
        pace = Pace(self.receive_limits)
        with self.streams(request[EXCHANGE].key_id):
            given, file = await read_fields(request, pace, _FIELDS, self.bodies)
            form = _form(given)
            chunk = Chunk(form.session_uid, form.media_type, form.chunk_seq, form.is_final)
            session = await self.sessions.ensure_session(owner, chunk)
            request[EXCHANGE].storage = session.media.storage
            allowance = Allowance(self.sessions.remaining_bytes(session), None, None, self.receive_limits)
            async with aclosing(read_file(file, pace)) as pieces, aclosing(checked(pieces, allowance, ())) as body:
                recording = await self.sessions.receive(owner, session, chunk, body)
        return json_response(_receipt(recording, session.media.id, chunk))

    async def _owner(self, request: web.Request) -> Owner:
        if self.internal is not None and _bearer_is(request, self.internal.secret):
            request[EXCHANGE].principal = "internal"
            return Owner(await self.api_keys.ensure_user(self.internal.owner))
        return await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)


def _form(given: dict[str, Any]) -> ChunkForm:
    """The form's own fields, and those of its `metadata` that it lacks; null counts as absent. Raises Invalid."""
    try:
        document = orjson.loads(given.get("metadata") or "{}")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid_form("metadata", "It should be a JSON object")
    members = {name: value for name, value in {**document, **given}.items() if value is not None}
    return validated(ChunkForm, members, "body")


def _bearer_is(request: web.Request, secret: str) -> bool:
    return hmac.compare_digest(bearer_token(request).encode(), secret.encode())


def _receipt(recording: Recording, media_file_id: int, chunk: Chunk) -> dict[str, Any]:
    return {
        "recording_id": recording.id,
        "media_file_id": media_file_id,
        "session_uid": chunk.session_uid,
        "chunk_seq": chunk.number or 0,
        "is_final": chunk.is_last,
        "status": STATUS[recording.status],
    }
