"""S3 and its compatibles: Amazon, MinIO, Ceph RGW, Swift and odder ones. The only room of aiobotocore.

Knows: buckets, presigned URLs, windows and retries. Refuses to know: the gateway, and HTTP servers.

    storage      the adapter: which request each word of `base` is
    objects      one version, open for reading
    windows      a read as bounded requests; window, one of them, resumed at the exact byte; reach, how far ahead (pure)
    gets         one ranged GET; bodies, what comes back
    answers      is it exactly what was asked for? (pure)
    pool         connections of our own, responses over them, heads of HTTP/1.1 (pure)
    urls         presigned URLs, used more than once
    requests     everything else, by the SDK: clients, credentials, writer, deletions
    errors       one table from S3's words to StorageError
    budget       memory and connections, shared and bounded; retries, how often and how soon
    options      the settings; names, from keys to names in the bucket
"""

from storage_adapters.s3.s3_storage import S3Storage, connect
from storage_adapters.storage_options import S3Options

__all__ = ["S3Options", "S3Storage", "connect"]
