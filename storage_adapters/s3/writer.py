"""Writing an object to S3: in one request while it is small, else as a multipart upload.

Knows: the shape of multipart uploads. Refuses to know: who writes and why.

One part is held in memory (`PART_BYTES`); S3's limit of 10,000 parts makes 78 GiB the largest object.
Parts are all of one size because some compatibles insist on it. Nothing exists under the key
before `finish`; `abort` frees what was uploaded. If the process dies in between, the parts stay
until a lifecycle rule of the bucket removes them.
"""

import io
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from storage_adapters.base import StorageError
from storage_adapters.storage_options import MIB

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

PART_BYTES: Final = 8 * MIB

Call = Callable[[Callable[["S3Client"], Awaitable[Any]]], Awaitable[Any]]
"""Makes one request with the SDK's client, with errors translated."""


class MultipartWriter:
    """An object being written (ObjectWriter)."""

    def __init__(self, call: Call, bucket: str, name: str, content_type: str | None) -> None:
        self._call = call
        self._place: dict[str, Any] = {"Bucket": bucket, "Key": name}
        self._kind: dict[str, Any] = {} if content_type is None else {"ContentType": content_type}
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    async def write(self, data: bytes) -> None:
        """Take these bytes; may wait until S3 has a part of them. Raises StorageError."""
        rest = memoryview(data)
        while rest:
            room = PART_BYTES - len(self._buffer)
            self._buffer += rest[:room]
            rest = rest[room:]
            if len(self._buffer) == PART_BYTES:
                await self._upload_part()

    async def finish(self) -> None:
        """Make the object appear under its key. Raises StorageError."""
        if self._upload_id is None:
            content = io.BytesIO(self._buffer)
            await self._call(lambda s3: s3.put_object(**self._place, **self._kind, Body=content))
            return
        if self._buffer:
            await self._upload_part()
        upload = self._place | {"UploadId": self._upload_id, "MultipartUpload": {"Parts": self._parts}}
        await self._call(lambda s3: s3.complete_multipart_upload(**upload))

    async def abort(self) -> None:
        """Free what was uploaded. Trouble here is passed over: the object does not exist either way."""
        if self._upload_id is not None:
            upload = self._place | {"UploadId": self._upload_id}
            with suppress(StorageError):
                await self._call(lambda s3: s3.abort_multipart_upload(**upload))

    async def _upload_part(self) -> None:
        if self._upload_id is None:
            created = await self._call(lambda s3: s3.create_multipart_upload(**self._place, **self._kind))
            self._upload_id = created["UploadId"]
        number, content = len(self._parts) + 1, io.BytesIO(self._buffer)
        self._buffer = bytearray()
        part = self._place | {"UploadId": self._upload_id, "PartNumber": number, "Body": content}
        answer = await self._call(lambda s3: s3.upload_part(**part))
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
