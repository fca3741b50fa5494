"""The S3 adapter. It reads bytes by presigned URL over its own connections and makes all other requests with the SDK.

Connections of both kinds count against one limit; a request waits a bounded time for a free one.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any

from storage_adapters.base import (
    BatchDeleting,
    InvalidKey,
    Listable,
    ListedObject,
    ObjectStat,
    OpenObject,
    OpenObjectCache,
    PresignedUrl,
    Presigning,
    StorageError,
    StoredObject,
)
from storage_adapters.multipart_uploads import MultipartUploads, PresignedPart
from storage_adapters.remote import Remote, Traffic
from storage_adapters.s3.batch_deletion import delete_all, delete_one
from storage_adapters.s3.error_codes import translated
from storage_adapters.s3.names import name_of
from storage_adapters.s3.parts import S3Parts
from storage_adapters.s3.ranged_gets import open_gets
from storage_adapters.s3.read_path import ReadPath
from storage_adapters.s3.s3_objects import S3Objects, listed_object
from storage_adapters.s3.sdk_requests import S3Clients, SdkRequests, open_clients
from storage_adapters.s3.shared_limits import Budget, RetryTokens
from storage_adapters.s3.urls import SignedUrl, SignedUrls
from storage_adapters.s3.writer import S3Writing
from storage_adapters.slices import SliceCache, open_cache
from storage_adapters.storage_options import S3Options


async def connect(**options: Any) -> "S3Storage":
    """Create the adapter of one bucket; S3 gets no request before the adapter is used.

    The options are the fields of `S3Options`. Raises ValueError with everything that is wrong with them.
    """
    parsed = S3Options(**options)
    stack = AsyncExitStack()
    try:
        clients = await open_clients(parsed, stack)
        connections = Budget(parsed.max_connections)
        gets = await open_gets(parsed, clients, connections, stack)
        cache = await _open_cache(parsed, stack)
    except BaseException:
        await stack.aclose()
        raise
    # Enough for every connection to be retried once when S3 restarts.
    tokens = RetryTokens(2 * parsed.max_connections)
    path = ReadPath(parsed, gets, connections, Budget(parsed.buffer_budget_bytes), tokens)
    requests = SdkRequests(clients, connections, parsed.pool_timeout_seconds)
    return S3Storage(parsed, clients, requests, S3Objects(parsed, requests, path, cache), stack)


async def _open_cache(options: S3Options, stack: AsyncExitStack) -> SliceCache | None:
    if options.cache_folder is None or options.cache_max_bytes is None:
        return None
    cache = await open_cache(options.cache_folder, options.cache_max_bytes)
    stack.push_async_callback(cache.close)
    return cache


class S3Storage(S3Writing, Remote, OpenObjectCache, Presigning, MultipartUploads, Listable, BatchDeleting):
    """A StorageAdapter over one bucket. `connections` and `memory` are the budgets that its readers share."""

    def __init__(
        self, options: S3Options, clients: S3Clients, requests: SdkRequests, objects: S3Objects, stack: AsyncExitStack
    ) -> None:
        S3Writing.__init__(self, requests, options.bucket, options.prefix)
        self.connections = requests.connections
        self.memory = objects.path.memory
        self._options = options
        self._parts = S3Parts(requests, clients, options.bucket, options.upload_part_bytes)
        self._public_urls = SignedUrls(lambda: clients.public, clients.credentials)
        self._objects = objects
        self._stack = stack

    @property
    def traffic(self) -> Traffic:
        return self._objects.path.gets.traffic

    @property
    def cached_bytes(self) -> int:
        return 0 if self._objects.cache is None else self._objects.cache.size

    def open(self, key: str, expected: ObjectStat | None = None) -> AbstractAsyncContextManager[StoredObject]:
        return self._objects.open(key, expected)

    def find_open(self, key: str) -> OpenObject | None:
        """The cached version of the object; None without a cache (OpenObjectCache.find_open)."""
        return None if self._objects.cache is None else self._objects.cache.find_open(key)

    async def delete(self, key: str) -> None:
        """Remove the object; in a versioned bucket, hide it."""
        with self._objects.dropping((key,)), suppress(InvalidKey):
            await delete_one(self._requests, self._bucket, name_of(self._options.prefix, key), key)

    async def delete_many(self, keys: Iterable[str]) -> dict[str, StorageError]:
        """Remove these objects in batches; return the StorageError of each key that could not be removed."""
        keys = tuple(keys)
        names: dict[str, str] = {}
        for key in keys:
            with suppress(InvalidKey):
                names[name_of(self._options.prefix, key)] = key
        with self._objects.dropping(keys):
            return await delete_all(self._requests, self._bucket, names)

    async def ping(self) -> None:
        """Read one byte as clients do. Raises StorageError."""
        await self._objects.ping()

    async def close(self) -> None:
        await self._stack.aclose()

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield every object whose key starts with `prefix`, page by page; no connection is held between pages."""
        cut = len(self._options.prefix)
        start: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._options.prefix + prefix}
        while True:
            page = await self._requests.send(prefix, lambda s3: s3.list_objects_v2(**start))
            for entry in page.get("Contents", ()):
                yield listed_object(entry, cut)
            if not page.get("IsTruncated"):
                return
            start["ContinuationToken"] = page["NextContinuationToken"]

    async def presign_get(self, key: str, *, content_type: str | None, content_disposition: str | None) -> PresignedUrl:
        """A URL for clients, the same for all equal requests within `presign_window_seconds`.

        Its lifetime begins when it is first returned; the last client to get it has at least half of the lifetime left.
        """
        lifetime = self._options.presign_expires_in_seconds
        asked = {
            "Bucket": self._bucket,
            "Key": name_of(self._options.prefix, key),
            "ResponseContentType": content_type,
            "ResponseContentDisposition": content_disposition,
        }
        params = tuple((name, value) for name, value in asked.items() if value is not None)
        reuse_seconds = min(self._options.presign_window_seconds, lifetime / 2)
        with translated(key):
            signed = await self._public_urls.get_object(
                params, expires_in_seconds=lifetime, reuse_seconds=reuse_seconds
            )
        return presigned(signed)

    async def presign_put(
        self, key: str, *, content_type: str | None, size: int | None, expires_in_seconds: int
    ) -> PresignedUrl:
        """A URL that writes the object. Clients must send its `headers`, which are signed, as is the Content-Length.

        Amazon, Ceph, Swift and MinIO answer 412 to `If-None-Match: *` if the object exists; rclone ignores it.
        """
        name = name_of(self._options.prefix, key)
        asked = {"ContentType": content_type, "ContentLength": size, "IfNoneMatch": "*"}
        params = tuple((field, value) for field, value in asked.items() if value is not None)
        with translated(key):
            signed = await self._public_urls.put_object(
                (("Bucket", self._bucket), ("Key", name), *params), expires_in_seconds=expires_in_seconds
            )
        kind = () if content_type is None else (("Content-Type", content_type),)
        return presigned(signed, (*kind, ("If-None-Match", "*")))

    async def presign_parts(
        self, key: str, *, size: int, content_type: str | None, expires_in_seconds: int | None = None
    ) -> Sequence[PresignedPart]:
        """Fresh URLs for the parts of a multipart upload (see `parts`)."""
        lifetime = expires_in_seconds or self._options.presign_expires_in_seconds
        return await self._parts.presign(key, name_of(self._options.prefix, key), size, content_type, lifetime)

    async def join_parts(self, key: str, *, size: int) -> bool:
        """Complete the multipart upload; False unless it has all its parts."""
        return await self._parts.join(key, name_of(self._options.prefix, key), size)

    async def abort_parts(self, prefix: str, *, older_than_seconds: float) -> int:
        """Abort multipart uploads that nobody completed."""
        return await self._parts.abort(self._options.prefix + prefix, older_than_seconds)


def presigned(signed: SignedUrl, headers: tuple[tuple[str, str], ...] = ()) -> PresignedUrl:
    """Convert to the type of `base`."""
    return PresignedUrl(signed.url, signed.expires_at, headers)
