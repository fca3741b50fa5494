"""Opening objects: which version is read, who was asked about it, and whether the cache stands in front.

Knows: HEAD, what callers remember, the cache of slices. Refuses to know: how bytes are fetched.

A HEAD tells no reason for a 404: whether the object or the whole bucket is missing is asked of the bucket.
"""

from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress

from storage_adapters.base import (
    AccessDenied,
    ObjectNotFound,
    ObjectStat,
    StorageUnavailable,
    StoredObject,
)
from storage_adapters.s3.answers import parse_etag
from storage_adapters.s3.gets import ObjectVersion
from storage_adapters.s3.names import name_of
from storage_adapters.s3.requests import SdkRequests
from storage_adapters.s3.s3_objects import S3Object, stat_of
from storage_adapters.s3.window import ReadPath
from storage_adapters.slices import SliceCache
from storage_adapters.storage_options import S3Options


class Openings:
    """Opens the objects of one bucket."""

    def __init__(self, options: S3Options, requests: SdkRequests, path: ReadPath, cache: SliceCache | None) -> None:
        self.memory = path.memory
        self.traffic = path.gets.traffic
        self._bucket = options.bucket
        self._prefix = options.prefix
        self._requests = requests
        self._path = path
        self.cache = cache

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None) -> AsyncGenerator[StoredObject, None]:
        """Pin one version: the expected one without asking S3, else the one that HEAD finds."""
        name = name_of(self._prefix, key)
        stat, is_measured = await self._look(key, name, expected)
        stored = S3Object(self._path, ObjectVersion(key, (("Bucket", self._bucket), ("Key", name)), stat))
        if self.cache is None:
            yield stored
        else:
            with self.cache.front(key, stored, measured=is_measured) as sliced:
                yield sliced

    @contextmanager
    def dropping(self, keys: Iterable[str]) -> Generator[None]:
        """Keep nothing of these objects once the block has ended: what is read until then may come by again."""
        try:
            yield
        finally:
            if self.cache is not None:
                for key in keys:
                    self.cache.drop(key)

    async def ping(self) -> None:
        """Return if the bucket exists and lets us in (HeadBucket wants s3:ListBucket)."""
        try:
            await self._requests.send("", lambda s3: s3.head_bucket(Bucket=self._bucket))
        except ObjectNotFound as error:
            raise StorageUnavailable("", f"there is no bucket {self._bucket!r}") from error

    async def _look(self, key: str, name: str, expected: ObjectStat | None) -> tuple[ObjectStat, bool]:
        """The version to read, and whether S3 said so just now."""
        if expected is None or parse_etag(expected.etag) is None:  # a tag that no If-Match can carry pins nothing
            return await self._measure(key, name), True
        if self.cache is not None and self.cache.wants_look(key):
            with suppress(StorageUnavailable):  # what is kept is whole all the same
                return await self._measure(key, name), True
        return expected, False

    async def _measure(self, key: str, name: str) -> ObjectStat:
        try:
            head = await self._requests.send(key, lambda s3: s3.head_object(Bucket=self._bucket, Key=name))
        except ObjectNotFound:
            if self.cache is not None:
                self.cache.drop(key)
            with suppress(AccessDenied):  # who may not look at the bucket was told the truth about the object
                await self.ping()
            raise
        return stat_of(key, head)
