"""The adapter for Amazon S3 and compatible servers: MinIO, Ceph RGW, Swift, SeaweedFS and others.

Only this package uses aiobotocore.

s3_storage        the adapter: the request for each method of `base`
s3_objects        one version, open for reading, through the slice cache if there is one
reads             a read with its windows; read_ahead: the read-ahead limit and the window size (pure)
ranged_gets       one ranged GET; range_responses: checks that the response is exactly what was requested (pure)
http_responses    a response as it arrives; with http_connections, connection_pool, http_heads (pure): an HTTP client
sdk_requests      all requests but reads, through the SDK; used by writer, parts and batch_deletion
credentials       the credentials, looked up again when S3 refuses them
urls              presigned URLs, reused while they are fresh
error_codes       maps S3's error codes to StorageError
shared_limits     the memory, connections and retries that all readers share
names             maps keys to object names in the bucket
"""

from storage_adapters.s3.s3_storage import S3Storage, connect
from storage_adapters.storage_options import S3Options

__all__ = ["S3Options", "S3Storage", "connect"]
