"""Multipart uploads whose parts clients send to S3 directly.

Neither this process nor a database stores their state: S3 lists the uploads of a key and the parts that arrived. This
needs s3:ListBucketMultipartUploads, s3:ListMultipartUploadParts and s3:AbortMultipartUpload besides s3:PutObject.

    Rule 1: part n has the bytes from (n - 1) x part size on; all parts but the last have that size.
    Rule 2: of several uploads of one key, only the one begun last counts.
"""

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage_adapters.base import PresignedUrl
from storage_adapters.multipart_uploads import PresignedPart
from storage_adapters.s3.error_codes import translated
from storage_adapters.s3.sdk_requests import S3Clients, SdkRequests

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import MultipartUploadTypeDef, PartTypeDef

MOST_PARTS: Final = 1000
"""One call presigns all parts. S3's own limit is 10,000."""


class UploadPart(NamedTuple):
    """The bytes of one part; `number` counts from 1."""

    number: int
    offset: int
    size: int


def layout(size: int, part_bytes: int) -> list[UploadPart]:
    """Divide `size` bytes into parts of `part_bytes`, or of more if there would be more than MOST_PARTS."""
    length = max(part_bytes, math.ceil(size / MOST_PARTS))
    return [UploadPart(number, at, min(length, size - at)) for number, at in enumerate(range(0, size, length), start=1)]


@dataclass(frozen=True, slots=True)
class S3Parts:
    """The uploads of one bucket. Objects larger than `part_bytes` are sent in parts of that size or larger."""

    requests: SdkRequests
    clients: S3Clients
    bucket: str
    part_bytes: int

    async def presign(
        self, key: str, name: str, size: int, content_type: str | None, lifetime_seconds: int
    ) -> list[PresignedPart]:
        """The parts of the name's upload, begun if there is none, with fresh URLs; empty for a small object."""
        if size <= self.part_bytes:
            return []
        upload_id = await self._find(key, name) or await self._begin(key, name, content_type)
        arrived = {part["PartNumber"] for part in await self._arrived(key, name, upload_id)}
        expires_at = datetime.now(UTC) + timedelta(seconds=lifetime_seconds)
        parts = []
        for part in layout(size, self.part_bytes):
            url = await self._sign(key, name, upload_id, part, lifetime_seconds)
            parts.append(PresignedPart(*part, PresignedUrl(url, expires_at), part.number in arrived))
        return parts

    async def join(self, key: str, name: str, size: int) -> bool:
        """Complete the name's upload; False unless it has exactly the parts of an object of `size` bytes."""
        upload_id = await self._find(key, name)
        if upload_id is None:
            return False
        arrived = await self._arrived(key, name, upload_id)
        wanted = [(part.number, part.size) for part in layout(size, self.part_bytes)]
        if [(part["PartNumber"], part["Size"]) for part in arrived] != wanted:
            return False
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in arrived]
        joined: dict[str, Any] = self._upload(name, upload_id) | {"MultipartUpload": {"Parts": parts}}
        await self.requests.send(key, lambda s3: s3.complete_multipart_upload(**joined))
        return True

    async def abort(self, prefix: str, older_than_seconds: float) -> int:
        """Abort uploads of names with this prefix that were begun longer ago; return their number."""
        begun_before = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        aborted = 0
        async with aclosing(self._uploads(prefix, prefix)) as uploads:
            async for upload in uploads:
                if upload["Initiated"] < begun_before:
                    await self._abort(upload["Key"], upload["UploadId"])
                    aborted += 1
        return aborted

    async def _abort(self, name: str, upload_id: str) -> None:
        upload = self._upload(name, upload_id)
        await self.requests.send(name, lambda s3: s3.abort_multipart_upload(**upload))

    def _upload(self, name: str, upload_id: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": name, "UploadId": upload_id}

    async def _begin(self, key: str, name: str, content_type: str | None) -> str:
        kind: dict[str, Any] = {} if content_type is None else {"ContentType": content_type}
        response = await self.requests.send(
            key, lambda s3: s3.create_multipart_upload(Bucket=self.bucket, Key=name, **kind)
        )
        return response["UploadId"]

    async def _find(self, key: str, name: str) -> str | None:
        """The id of the upload of this name that was begun last; None if there is none."""
        async with aclosing(self._uploads(key, name)) as uploads:
            found = [(each["Initiated"], each["UploadId"]) async for each in uploads if each["Key"] == name]
        return max(found)[1] if found else None

    async def _uploads(self, key: str, prefix: str) -> "AsyncGenerator[MultipartUploadTypeDef, None]":
        """Yield the uploads of names with this prefix; MinIO and similar servers list only those of exactly this name."""
        start: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix}
        while True:
            page = await self.requests.send(key, lambda s3: s3.list_multipart_uploads(**start))
            for upload in page.get("Uploads", ()):
                yield upload
            if not page.get("IsTruncated"):
                return
            start["KeyMarker"], start["UploadIdMarker"] = page["NextKeyMarker"], page["NextUploadIdMarker"]

    async def _arrived(self, key: str, name: str, upload_id: str) -> "list[PartTypeDef]":
        """The parts that arrived, in order of number."""
        start = self._upload(name, upload_id)
        parts: list[PartTypeDef] = []
        while True:
            page = await self.requests.send(key, lambda s3: s3.list_parts(**start))
            parts += page.get("Parts", ())
            if not page.get("IsTruncated"):
                return parts
            start["PartNumberMarker"] = page["NextPartNumberMarker"]

    async def _sign(self, key: str, name: str, upload_id: str, part: UploadPart, lifetime_seconds: int) -> str:
        params = self._upload(name, upload_id) | {"PartNumber": part.number, "ContentLength": part.size}
        with translated(key):
            return await self.clients.public.generate_presigned_url(
                "upload_part", Params=params, ExpiresIn=lifetime_seconds
            )
