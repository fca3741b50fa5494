"""Creates upload URLs, and parses a client's promise of the file that it will send.

A URL is presigned by the storage backend, or one of the gateway that contains a signed token.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

from aiohttp import web
from pydantic import AfterValidator, Field, StrictInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from gateway.catalog import UNKNOWN_CONTENT_TYPE, MediaFile, MediaType, Owner, Scope
from gateway.errors import Forbidden
from gateway.protocol.ids import encode_id
from gateway.protocol.signing import owner_text, parse_owner
from gateway.protocol.upload_tokens import BadUploadToken, UploadGrant, UploadTokens
from gateway.storage import Storage
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.bodies import Body
from gateway.web.exchange import EXCHANGE
from gateway.web.hosts import base_url
from gateway.web.parameters import Moment, path_token, validated
from storage_adapters.base import Presigning
from storage_adapters.multipart_uploads import MultipartUploads, PresignedPart

# RFC 9110 sections 8.3.1 and 5.6.6. Unlike the grammar, this permits a list of codecs without quotes, as recorders
# write it: in a single media type its commas are unambiguous.
_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - the grammar's word for a word
_QUOTED: Final = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_PARAMETER: Final = rf"{_TOKEN}=(?:{_QUOTED}|{_TOKEN}(?: *, *{_TOKEN})*)"
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}(?: *;(?: *{_PARAMETER})?)*")
_MAX_MEDIA_TYPE_LENGTH: Final = 255


def _media_type(text: str) -> str:
    trimmed = text.replace("\t", " ").strip(" ")  # RFC 9110 section 5.6.3: both are white space
    if len(trimmed) > _MAX_MEDIA_TYPE_LENGTH or not _MEDIA_TYPE.fullmatch(trimmed):
        raise PydanticCustomError("media_type", "Input should be a media type like audio/mpeg")
    return trimmed


class UploadUrlBody(Body):
    """`POST /v1/recordings/{recording_id}/upload-url`."""

    type: MediaType
    content_type: Annotated[str, Field(strict=True), AfterValidator(_media_type)] | None = None
    file_size_bytes: Annotated[StrictInt, Field(ge=1, le=2**63 - 1)] | None = None
    captured_at: Moment | None = None

    @field_validator("content_type")
    @classmethod
    def _of_the_type(cls, content_type: str | None, seen: ValidationInfo) -> str | None:
        type = seen.data.get("type")
        if content_type and type and not content_type.lower().startswith((f"{type}/", "application/")):
            raise PydanticCustomError("media_type", "Input should be of the type {type}", {"type": f"{type}/..."})
        return content_type


def parse_promise(members: dict[str, Any]) -> UploadUrlBody:
    """The members as a promise. Raises Invalid."""
    return validated(UploadUrlBody, members, "body")


def promised_type(media: MediaFile) -> str | None:
    """The content type that was promised for a pending media file; None for any."""
    return None if media.content_type == UNKNOWN_CONTENT_TYPE else media.content_type


class UploadUrl(NamedTuple):
    """The URL to send a file to, its expiry, and the header fields to send; the file may be sent in `parts` instead."""

    url: str
    expires_at: datetime
    headers: dict[str, str]
    parts: Sequence[PresignedPart] = ()


@dataclass(frozen=True, slots=True)
class UploadUrls:
    """Makes upload URLs. The gateway's start with `public_url`, or with the request's scheme and Host if it is None."""

    tokens: UploadTokens
    authenticator: Authenticator
    public_url: str | None
    expires_in_seconds: int

    def presigned_until(self, storage: Storage) -> datetime | None:
        """When a URL that the storage backend presigns now expires; None if the backend presigns none."""
        if not isinstance(storage.adapter, Presigning):
            return None
        # One second more, because the storage backend may sign the URL a moment later.
        return datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=self.expires_in_seconds + 1)

    async def create(self, request: web.Request, owner: Owner, media: MediaFile, storage: Storage) -> UploadUrl:
        """A URL that takes the file in one PUT; for a large file also URLs that take it in parts."""
        promised = promised_type(media)
        if isinstance(storage.adapter, Presigning):
            signed = await storage.adapter.presign_put(
                media.object_key, content_type=promised, size=media.size, expires_in_seconds=self.expires_in_seconds
            )
            parts = await self._parts(media, storage)
            return UploadUrl(signed.url, signed.expires_at, dict(signed.headers), parts)
        headers = {} if promised is None else {"Content-Type": promised}
        expires = int(time.time()) + self.expires_in_seconds
        url = self.gateway_url(request, owner, media, expires)
        return UploadUrl(url, datetime.fromtimestamp(expires, UTC), headers)

    async def _parts(self, media: MediaFile, storage: Storage) -> Sequence[PresignedPart]:
        if media.size is None or not isinstance(storage.adapter, MultipartUploads):
            return ()
        return await storage.adapter.presign_parts(
            media.object_key,
            size=media.size,
            content_type=promised_type(media),
            expires_in_seconds=self.expires_in_seconds,
        )

    def gateway_url(self, request: web.Request, owner: Owner, media: MediaFile, expires: int) -> str:
        """A URL of the gateway that takes this media file until `expires` (seconds since the epoch)."""
        key_id = request[EXCHANGE].key_id
        if key_id is None:
            raise RuntimeError("an upload URL is only created for a request that an API key admitted")
        grant = UploadGrant(owner_text(owner.user_id, owner.live), media.recording_id, media.id, expires, key_id)
        base = base_url(request, self.public_url)
        return f"{base}/v1/uploads/{self.tokens.sign(grant)}"

    async def verify(self, request: web.Request) -> tuple[Owner, UploadGrant]:
        """What the path's token permits. Raises Forbidden, also if the key that made it was revoked or has expired."""
        try:
            grant = self.tokens.verify(path_token(request) or "", now=time.time())
        except BadUploadToken as error:
            raise Forbidden(str(error)) from None
        await self.authenticator.check_key_of_url(grant.key_id, Scope.RECORDINGS_WRITE, "Upload URL")
        exchange = request[EXCHANGE]
        exchange.principal, exchange.key_id = f"upload:{encode_id('med', grant.media_file_id)}", grant.key_id
        return Owner(*parse_owner(grant.owner)), grant
