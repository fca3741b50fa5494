"""Opens objects of one bucket for reading: pins the version, and puts the slice cache in front of it if there is one.

A HEAD gives no reason for a 404, so a second request finds out whether the object or the whole bucket is missing.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, Final

from storage_adapters.base import (
    AccessDenied,
    ListedObject,
    ObjectArchived,
    ObjectChanged,
    ObjectNotFound,
    ObjectStat,
    StorageUnavailable,
    StoredObject,
)
from storage_adapters.s3.names import name_of
from storage_adapters.s3.range_responses import parse_etag
from storage_adapters.s3.ranged_gets import ObjectVersion
from storage_adapters.s3.read_path import ReadPath
from storage_adapters.s3.reads import Read
from storage_adapters.s3.sdk_requests import SdkRequests
from storage_adapters.slices import SliceCache
from storage_adapters.storage_options import S3Options

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef

MAX_ARCHIVED: Final = 1024


class S3Object:
    """A StoredObject; it holds no connection and no memory between reads."""

    def __init__(self, objects: "S3Objects", version: ObjectVersion) -> None:
        self._objects = objects
        self._version = version

    @property
    def stat(self) -> ObjectStat:
        return self._version.stat

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes of this version (StoredObject.read)."""
        self.stat.require_inside(offset, length)
        read = Read(self._objects.path, self._version, offset, offset + length)
        try:
            while chunk := await read.next_chunk():
                yield chunk
        except ObjectArchived:
            self._objects.record_archived(self._version.key)
            raise
        finally:
            await read.close()


class S3Objects:
    """Opens the objects of one bucket."""

    def __init__(self, options: S3Options, requests: SdkRequests, path: ReadPath, cache: SliceCache | None) -> None:
        self.path = path
        self.cache = cache
        self._bucket = options.bucket
        self._prefix = options.prefix
        self._requests = requests
        self._archived: OrderedDict[str, None] = OrderedDict()
        self._last_opened: S3Object | None = None

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None) -> AsyncGenerator[StoredObject, None]:
        """Pin one version: the expected one, usually without a request, or else the one that HEAD finds."""
        name = name_of(self._prefix, key)
        stat, is_measured = await self._find_version(key, name, expected)
        stored = self._last_opened = self._stored(key, name, stat)
        if self.cache is None:
            yield stored
        else:
            with self.cache.open(key, stored, measured=is_measured) as sliced:
                yield sliced

    @contextmanager
    def dropping(self, keys: Iterable[str]) -> Generator[None]:
        """Drop these objects from the cache when the block ends, since reads inside the block may cache them again."""
        try:
            yield
        finally:
            if self.cache is not None:
                for key in keys:
                    self.cache.drop(key)

    def record_archived(self, key: str) -> None:
        """Send a HEAD whenever this object is opened, until it is restored."""
        self._archived[key] = None
        if len(self._archived) > MAX_ARCHIVED:
            self._archived.popitem(last=False)

    async def ping(self) -> None:
        """Read one byte as clients do, of the object opened last or else the first one listed. Raises StorageError.

        An empty bucket only has to exist and be accessible (s3:ListBucket).
        """
        stored = self._last_opened or await self._first()
        if stored is None or stored.stat.size == 0:
            return
        try:
            async with aclosing(stored.read(0, 1)) as chunks:
                await anext(chunks)
        except (ObjectArchived, ObjectChanged, ObjectNotFound):  # S3 answered for this object, which suffices
            self._last_opened = None

    async def require_bucket(self) -> None:
        """Raise StorageError unless the bucket exists and is accessible (HeadBucket requires s3:ListBucket)."""
        try:
            await self._requests.send("", lambda s3: s3.head_bucket(Bucket=self._bucket))
        except ObjectNotFound as error:
            raise StorageUnavailable("", f"there is no bucket {self._bucket!r}") from error

    def _stored(self, key: str, name: str, stat: ObjectStat) -> S3Object:
        return S3Object(self, ObjectVersion(key, (("Bucket", self._bucket), ("Key", name)), stat))

    async def _first(self) -> S3Object | None:
        """The first object below the prefix."""
        await self.require_bucket()
        bucket, prefix = self._bucket, self._prefix
        page = await self._requests.send("", lambda s3: s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))
        for entry in page.get("Contents", ()):
            listed = listed_object(entry, len(self._prefix))
            if listed.etag:
                return self._stored(
                    listed.key, entry["Key"], ObjectStat(listed.size, listed.etag, listed.last_modified)
                )
        return None

    async def _find_version(self, key: str, name: str, expected: ObjectStat | None) -> tuple[ObjectStat, bool]:
        """The version to read, and whether S3 has just confirmed it."""
        if expected is None or parse_etag(expected.etag) is None:  # If-Match cannot carry this tag
            return await self._measure(key, name), True
        if key in self._archived:
            return await self._measure(key, name), True
        if self.cache is not None and self.cache.needs_confirmation(key):
            with suppress(StorageUnavailable):  # serve the cached version
                return await self._measure(key, name), True
        return expected, False

    async def _measure(self, key: str, name: str) -> ObjectStat:
        try:
            head = await self._requests.send(key, lambda s3: s3.head_object(Bucket=self._bucket, Key=name))
        except ObjectNotFound:
            if self.cache is not None:
                self.cache.drop(key)
            with suppress(AccessDenied):  # without access to the bucket, assume that the object is missing
                await self.require_bucket()
            raise
        require_readable(key, head)
        self._archived.pop(key, None)
        return stat_of(key, head)


def require_readable(key: str, head: "HeadObjectOutputTypeDef") -> None:
    """Raise ObjectArchived if the object must be restored before it can be read."""
    kind = str(head.get("StorageClass", ""))
    restore = head.get("Restore", "")
    # Compatible servers add storage classes, like COLD_ARCHIVE. GLACIER_IR can be read immediately.
    is_archived = kind == "GLACIER" or "ARCHIVE" in kind.upper() or bool(restore) or "ArchiveStatus" in head
    if is_archived and 'ongoing-request="false"' not in restore:
        raise ObjectArchived(key, f"it is in {head.get('ArchiveStatus', head.get('StorageClass'))}, not restored")


def stat_of(key: str, head: "HeadObjectOutputTypeDef") -> ObjectStat:
    """The stat from a HEAD. Raises StorageUnavailable without a strong ETag, which is needed to pin a version."""
    etag = parse_etag(head.get("ETag", ""))
    if etag is None:
        raise StorageUnavailable(key, f"its ETag {head.get('ETag')!r} is missing or weak")
    modified = head["LastModified"].astimezone(UTC)
    return ObjectStat(head["ContentLength"], etag, modified, head.get("ContentType"))


def listed_object(entry: "ObjectTypeDef", cut: int) -> ListedObject:
    """Convert an entry of a page: cut `cut` characters off its key; a weak or malformed ETag becomes empty."""
    etag = parse_etag(entry.get("ETag", "")) or ""
    return ListedObject(entry["Key"][cut:], entry["Size"], etag, entry["LastModified"].astimezone(UTC))
