"""S3 and its compatibles: Amazon, MinIO, Ceph RGW, Swift, SeaweedFS and odder ones. The only room of aiobotocore.

s3_storage        the adapter: which request each method of `base` is
s3_objects        one version, open for reading; whether the cache of slices is in front of it
reads             a read with its windows; read_ahead, how far ahead and in which pieces (pure)
ranged_gets       one ranged GET; range_answers, is the response exactly what was asked for? (pure)
http_responses    a response as it arrives; http_connections, connection_pool, http_heads (pure): our HTTP client
sdk_requests      everything but reading bytes, with the SDK: credentials, writer, parts, batch_deletion
urls              presigned URLs, used more than once
error_codes       one table from S3's words to StorageError
shared_limits     memory, connections and retries that all readers share
names             from keys to names in the bucket
"""

from storage_adapters.s3.s3_storage import S3Storage, connect
from storage_adapters.storage_options import S3Options

__all__ = ["S3Options", "S3Storage", "connect"]
