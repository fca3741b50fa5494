"""Writes an object to S3: in one request if it is small, otherwise as a multipart upload.

One part is held in memory (`PART_BYTES`); S3's limit of 10,000 parts makes 78 GiB the largest object. All parts but
the last have the same size because some compatible servers require it. Nothing becomes visible under the key before
`finish`; `abort` frees what was uploaded. If the process dies before either, the parts stay until a lifecycle rule of
the bucket, or `abort_parts`, removes them.
"""

import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast

from storage_adapters.base import ObjectWriter, StorageError, StoredObject
from storage_adapters.resumable import Composing, Piece
from storage_adapters.s3.names import name_of
from storage_adapters.s3.sdk_requests import SdkRequests
from storage_adapters.storage_options import MIB

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

PART_BYTES: Final = 8 * MIB

Call = Callable[[Callable[["S3Client"], Awaitable[Any]]], Awaitable[Any]]
"""Makes one request with the SDK's client, and raises its errors as StorageError."""


class CannotCopy(Exception):
    """The server treats UploadPartCopy as the upload of an empty part (rclone), so the upload has to start again."""


class MultipartWriter:
    """An object being written (ObjectWriter)."""

    def __init__(self, call: Call, bucket: str, name: str, content_type: str | None) -> None:
        self._call = call
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": name}
        self._kind: dict[str, Any] = {} if content_type is None else {"ContentType": content_type}
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    async def write(self, data: bytes) -> None:
        """Append these bytes; waits for S3 whenever a part is full. Raises StorageError."""
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
            await self._call(lambda s3: s3.put_object(**self._target, **self._kind, Body=content))
            return
        if self._buffer:
            await self._upload_part()
        upload = self._target | {"UploadId": self._upload_id, "MultipartUpload": {"Parts": self._parts}}
        await self._call(lambda s3: s3.complete_multipart_upload(**upload))

    async def abort(self) -> None:
        """Free what was uploaded. Errors are ignored: the object does not become visible either way."""
        if self._upload_id is not None:
            upload = self._target | {"UploadId": self._upload_id}
            with suppress(StorageError):
                await self._call(lambda s3: s3.abort_multipart_upload(**upload))

    @property
    def begun_bytes(self) -> int:
        """The number of bytes of the next part that are in memory."""
        return len(self._buffer)

    async def copy_part(self, name: str, version: str, offset: int) -> None:
        """Let S3 copy the next part from another object of this bucket. No bytes may wait in memory.

        Raises CannotCopy or StorageError.
        """
        span = {"CopySourceRange": f"bytes={offset}-{offset + PART_BYTES - 1}", "CopySourceIfMatch": f'"{version}"'}
        copied = span | {"CopySource": {"Bucket": self._target["Bucket"], "Key": name}} | await self._next_part()
        response = await self._call(lambda s3: s3.upload_part_copy(**copied))
        etag = response.get("CopyPartResult", {}).get("ETag")
        if etag is None:
            raise CannotCopy(name)
        self._add(etag)

    async def _upload_part(self) -> None:
        part = await self._next_part() | {"Body": io.BytesIO(self._buffer)}
        self._buffer = bytearray()
        response = await self._call(lambda s3: s3.upload_part(**part))
        self._add(response["ETag"])

    async def _next_part(self) -> dict[str, Any]:
        if self._upload_id is None:
            created = await self._call(lambda s3: s3.create_multipart_upload(**self._target, **self._kind))
            self._upload_id = created["UploadId"]
        return self._target | {"UploadId": self._upload_id, "PartNumber": len(self._parts) + 1}

    def _add(self, etag: str) -> None:
        self._parts.append({"PartNumber": len(self._parts) + 1, "ETag": etag})


class S3Writing(Composing):
    """The writing half of the adapter over one bucket."""

    def __init__(self, requests: SdkRequests, bucket: str, prefix: str) -> None:
        self._requests = requests
        self._bucket = bucket
        self._prefix = prefix
        self._server_copies = True

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[MultipartWriter, None]:
        name = name_of(self._prefix, key)
        writer = MultipartWriter(lambda ask: self._requests.send(key, ask), self._bucket, name, content_type)
        try:
            yield writer
            await writer.finish()
        except BaseException:
            await writer.abort()
            raise

    async def compose(self, key: str, pieces: Sequence[Piece | bytes], *, content_type: str | None = None) -> None:
        try:
            await super().compose(key, pieces, content_type=content_type)
        except CannotCopy:
            self._server_copies = False
            await super().compose(key, pieces, content_type=content_type)

    async def _write_piece(self, writer: ObjectWriter, stored: StoredObject, piece: Piece) -> None:
        """Let S3 copy whole parts; read and send other bytes, and those that S3 refuses to copy."""
        multipart = cast("MultipartWriter", writer)
        position, end = piece.offset, piece.offset + piece.length
        while position < end:
            length = min(PART_BYTES - multipart.begun_bytes, end - position)
            if length == PART_BYTES and self._server_copies:
                with suppress(StorageError):
                    await multipart.copy_part(name_of(self._prefix, piece.key), stored.stat.etag, position)
                    position += length
                    continue
            await super()._write_piece(writer, stored, piece._replace(offset=position, length=length))
            position += length
