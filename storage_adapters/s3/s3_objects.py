"""One version of one object in a bucket, open for reading.

Knows: the words of `base`, and what HEAD and a listing tell. Refuses to know: how bytes are fetched.
"""

from collections.abc import AsyncGenerator
from datetime import UTC
from typing import TYPE_CHECKING

from storage_adapters.base import ListedObject, ObjectStat, StorageUnavailable
from storage_adapters.s3.answers import parse_etag
from storage_adapters.s3.gets import ObjectVersion
from storage_adapters.s3.window import ReadPath
from storage_adapters.s3.windows import Windows

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef


class S3Object:
    """A StoredObject; holds nothing of S3's between reads."""

    def __init__(self, path: ReadPath, version: ObjectVersion) -> None:
        self._path = path
        self._version = version

    @property
    def stat(self) -> ObjectStat:
        return self._version.stat

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes of this version (StoredObject.read)."""
        if offset < 0 or length < 0 or offset + length > self.stat.size:
            raise ValueError(f"{length} bytes at {offset} are not inside {self.stat.size}")
        async with Windows(self._path, self._version, offset, offset + length) as windows:
            while (window := await windows.next()) is not None:
                while chunk := await window.next_chunk():
                    yield chunk
                    windows.look_ahead()


def stat_of(key: str, head: "HeadObjectOutputTypeDef") -> ObjectStat:
    """What HEAD says. Raises StorageUnavailable if it has no strong entity tag: nothing could be pinned."""
    etag = parse_etag(head.get("ETag", ""))
    if etag is None:
        raise StorageUnavailable(key, f"its ETag {head.get('ETag')!r} is missing or weak")
    modified = head["LastModified"].astimezone(UTC)
    return ObjectStat(head["ContentLength"], etag, modified, head.get("ContentType"))


def listed_object(entry: "ObjectTypeDef", cut: int) -> ListedObject:
    """An entry of a page, its key without the first `cut` characters; an ETag that pins nothing is shown as nothing."""
    etag = parse_etag(entry.get("ETag", "")) or ""
    return ListedObject(entry["Key"][cut:], entry["Size"], etag, entry["LastModified"].astimezone(UTC))
