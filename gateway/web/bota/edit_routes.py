"""Routes in Bota's dialect that change a recording's description and transcript. Bota itself documents no such routes."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web

from gateway.catalog import Owner, Recording, RecordingCatalog, Scope, Segment
from gateway.catalog.edits import RecordingEdits
from gateway.errors import Fault, Invalid, NotFound, require
from gateway.media.caption_reader import LONG_BYTES, CaptionReader
from gateway.media.captions import MAX_BYTES, READERS, write_vtt
from gateway.media.cues import BadCaptions
from gateway.media.fair_semaphore import FairSemaphore
from gateway.protocol.conditional import Conditions, Validators, refuses_change
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.bodies import read_changes
from gateway.web.bota.query import path_recording_id
from gateway.web.bota.shapes import recording_etag, recording_json
from gateway.web.conditions import conditions_of
from gateway.web.media_files import transcript_of, transcript_version_of
from gateway.web.receiving.json_bodies import MAX_JSON_SECONDS, JsonBodies
from gateway.web.receiving.upload_bodies import Allowance, ReceiveLimits, accepted, essence
from gateway.web.responses import built_json_response, json_response, not_modified, weak_etag

# A transcript is held in memory while it arrives, so a client must not take long.
_RECEIVE_LIMITS: Final = ReceiveLimits(MAX_JSON_SECONDS, least_bytes_per_second=2048)
_PERMITTED: Final = ", ".join(READERS)


@dataclass(frozen=True, slots=True)
class EditRoutes:
    """The routes that change a recording's description and transcript, but not its media."""

    authenticator: Authenticator
    bodies: JsonBodies
    catalog: RecordingCatalog
    edits: RecordingEdits
    captions: CaptionReader
    turns: FairSemaphore

    async def update(self, request: web.Request) -> web.Response:
        """`PATCH /v1/recordings/{recording_id}`: change the members that are given; null clears one.

        `If-Match` protects against lost updates: it is compared with the ETag that GET and PATCH return (412).
        """
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        recording_id = path_recording_id(request)
        asked = Conditions(if_match=conditions_of(request.headers).if_match)
        changes = await read_changes(self.bodies, request)

        def change(current: Recording) -> Mapping[str, Any]:
            if refuses_change(asked, Validators(recording_etag(current), 0), now=time.time()):
                raise web.HTTPPreconditionFailed
            _check_span(changes, current)
            return changes

        changed = require(await self.edits.update_recording(owner, recording_id, change), "Recording")
        return json_response(recording_json(changed), headers={hdrs.ETAG: recording_etag(changed)})

    async def put_transcript(self, request: web.Request) -> web.Response:
        """`PUT /v1/recordings/{recording_id}/transcript`: replace the transcript."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        recording_id = path_recording_id(request)
        segments = await self._read_segments(request, owner)
        if not await self.edits.replace_transcript(owner, recording_id, segments):
            raise NotFound("Recording not found")
        return web.Response(status=204)

    async def get_transcript(self, request: web.Request) -> web.Response:
        """`GET /v1/recordings/{recording_id}/transcript`: JSON, or WebVTT for `Accept: text/vtt`."""
        owner = await self.authenticator.authenticate(request, Scope.TRANSCRIPTIONS_READ)
        recording_id, as_vtt = path_recording_id(request), "text/vtt" in request.headers.get(hdrs.ACCEPT, "").lower()
        # Read before the segments: a change in between is then seen by the next request.
        version = await transcript_version_of(self.catalog, owner, recording_id)
        etag = weak_etag(f"{version}.vtt" if as_vtt else version)
        headers: dict[str, str] = {hdrs.VARY: hdrs.ACCEPT, hdrs.ETAG: etag, hdrs.CACHE_CONTROL: "no-store"}
        if unchanged := not_modified(request, headers):
            return unchanged
        async with self.turns.permit(owner.user_id):
            segments = (await transcript_of(self.catalog, owner, recording_id)).segments
            if as_vtt:
                octets = await asyncio.to_thread(write_vtt, segments)
                return web.Response(body=octets, content_type="text/vtt", charset="utf-8", headers=headers)
            return await built_json_response(lambda: {"segments": list(map(_segment_json, segments))}, headers=headers)

    async def _read_segments(self, request: web.Request, owner: Owner) -> tuple[Segment, ...]:
        """The body's segments. Raises Invalid or an HTTPException."""
        content_type = essence(request.headers.get(hdrs.CONTENT_TYPE, ""))
        if content_type not in READERS:
            words = f"Input should be one of {_PERMITTED}"
            raise Invalid(Fault("content_type", ("header", "Content-Type"), words, content_type))
        body = bytearray()
        with ExitStack() as slots:
            with self.bodies.permit(request):
                async with accepted(request, Allowance(MAX_BYTES, None, None, _RECEIVE_LIMITS)) as pieces:
                    async for piece in pieces:
                        if len(body) <= LONG_BYTES < len(body) + len(piece):
                            slots.enter_context(self.captions.slot(owner.user_id))
                        body += piece
            try:
                return await self.captions.read(content_type, bytes(body), owner.user_id)
            except BadCaptions as error:
                raise Invalid(Fault("transcript", ("body",), str(error))) from None


def _check_span(changes: Mapping[str, Any], current: Recording) -> None:
    started_at = changes.get("started_at", current.started_at)
    ended_at = changes.get("ended_at", current.ended_at)
    if started_at and ended_at and ended_at < started_at:
        field = "ended_at" if "ended_at" in changes else "started_at"
        raise Invalid(Fault("ended_before_start", ("body", field), "ended_at should not be before started_at"))


def _segment_json(segment: Segment) -> dict[str, Any]:
    return {
        "start": segment.start_seconds,
        "end": segment.end_seconds,
        "text": segment.text,
        "speaker": segment.speaker,
        "language": segment.language,
    }
