"""Routes in Bota's dialect for the share links of a recording. web/pages/shared_page.py serves the linked page.

Bota itself has no share links.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BeforeValidator, Field

from gateway.catalog import Scope
from gateway.catalog.share_links import ShareLink, ShareLinks
from gateway.errors import NotFound, require
from gateway.keys import digest, visible_prefix
from gateway.protocol.ids import decode_id, encode_id
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.bodies import Body, read_body
from gateway.web.bota.query import path_recording_id
from gateway.web.links import Links
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.responses import json_response, whole_seconds

MAX_SECONDS: Final = 10 * 366 * 24 * 3600
_TOKEN_BYTES: Final = 32


def _whole(value: object) -> object:
    """A whole number as JSON may write it: 60.0 is 60."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class LinkBody(Body):
    """`POST /v1/recordings/{recording_id}/links`."""

    expires_in_seconds: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=MAX_SECONDS, strict=True)]
    start_seconds: float | None = Field(None, ge=0, lt=1e9, allow_inf_nan=False, strict=True)


@dataclass(frozen=True, slots=True)
class ShareLinkRoutes:
    """Makes, lists and ends links. Only the response to POST contains a link's URL."""

    authenticator: Authenticator
    bodies: JsonBodies
    share_links: ShareLinks
    links: Links

    async def create(self, request: web.Request) -> web.Response:
        """`POST`: make a link to a page that plays this recording without a key, until the link expires or is ended."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        recording_id = path_recording_id(request)
        body = await read_body(self.bodies, request, LinkBody)
        token = f"lk_{secrets.token_urlsafe(_TOKEN_BYTES)}"
        link = await self.share_links.create_link(
            owner,
            recording_id,
            digest=digest(token),
            prefix=visible_prefix(token),
            expires_at=datetime.now(UTC) + timedelta(seconds=body.expires_in_seconds),
            start_seconds=body.start_seconds,
        )
        stored = require(link, "Recording")
        url, expires_at = self.links.shared(request, token), whole_seconds(stored.expires_at)
        return json_response({"id": encode_id("lnk", stored.id), "url": url, "expires_at": expires_at}, status=201)

    async def list_links(self, request: web.Request) -> web.Response:
        """`GET`: the links of the recording that still work, with how often each was opened."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        links = await self.share_links.list_links(owner, path_recording_id(request))
        return json_response({"data": [link_json(link) for link in links]})

    async def end(self, request: web.Request) -> web.Response:
        """`DELETE /v1/recordings/{recording_id}/links/{link_id}`: end the link; its URLs stop playing within a second."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        link_id = decode_id("lnk", request.match_info["link_id"])
        if link_id is None or not await self.share_links.end_link(owner, path_recording_id(request), link_id):
            raise NotFound("Link not found")
        return web.Response(status=204)


def link_json(link: ShareLink) -> dict[str, Any]:
    """A link in a list."""
    return {
        "id": encode_id("lnk", link.id),
        "created_at": whole_seconds(link.created_at),
        "expires_at": whole_seconds(link.expires_at),
        "start_seconds": link.start_seconds,
        "use_count": link.use_count,
        "last_used_at": whole_seconds(link.last_used_at),
    }
