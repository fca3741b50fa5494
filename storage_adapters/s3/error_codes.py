"""Maps S3's error codes and statuses, and the SDK's exceptions, to a StorageError.

Amazon answers 404 for a missing key only if our account may list the bucket, otherwise 403: without s3:ListBucket a
missing object raises AccessDenied and not ObjectNotFound.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import aiohttp
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from storage_adapters.base import (
    AccessDenied,
    InvalidKey,
    ObjectArchived,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

TRANSIENT_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""The same request may succeed in a moment (503 is SlowDown)."""

BY_CODE: Final[Mapping[str, type[StorageError]]] = {
    "AccessDenied": AccessDenied,
    "ExpiredToken": AccessDenied,
    "InvalidAccessKeyId": AccessDenied,
    "InvalidObjectState": ObjectArchived,  # 403, but the object is in an archive, not forbidden
    "InvalidRange": ObjectChanged,  # the span is inside the version we opened, so the object has changed
    "InvalidToken": AccessDenied,
    "KeyTooLongError": InvalidKey,
    "NoSuchBucket": StorageUnavailable,  # a wrong setting; the object may exist
    "NoSuchKey": ObjectNotFound,
    "PreconditionFailed": ObjectChanged,
    "QuotaExceeded": StorageFull,
    "XMinioStorageFull": StorageFull,
}

BY_STATUS: Final[Mapping[int, type[StorageError]]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: ObjectNotFound,
    412: ObjectChanged,
    416: ObjectChanged,
    507: StorageFull,
}

WITHOUT_CREDENTIALS: Final = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)

NETWORK_ERRORS: Final = (aiohttp.ClientError, OSError)
"""Failures of the network; OSError includes TimeoutError."""


def refused(key: str, status: int, code: str) -> StorageError:
    """The error for this response of S3: by its code if that is known, else by its status."""
    kind = BY_CODE.get(code) or BY_STATUS.get(status, StorageUnavailable)
    return kind(key, f"S3 answered {status} {code}".rstrip())


class Interrupted(Exception):
    """S3 or the network broke off the request; it may be sent again, without a pause if `retry_now`."""

    def __init__(self, reason: str, *, retry_now: bool = False) -> None:
        super().__init__(reason)
        self.retry_now = retry_now


class StaleConnection(Interrupted):
    """A reused connection ended before any byte of the response arrived; this does not mean that S3 has a fault."""


class UnexpectedResponse(Interrupted):
    """A response that is not exactly what was requested; `error` is raised if S3 repeats it."""

    def __init__(self, error: StorageError) -> None:
        super().__init__(error.reason, retry_now=True)
        self.error = error


@contextmanager
def translated(key: str) -> Generator[None, None, None]:
    """Raise whatever aiobotocore raises in the block as a StorageError about this key."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise refused(key, status, "" if code.isdigit() else code) from error
    except WITHOUT_CREDENTIALS as error:
        raise AccessDenied(key, f"no credentials: {error}") from error
    except (BotoCoreError, *NETWORK_ERRORS) as error:
        raise StorageUnavailable(key, f"{type(error).__name__}: {error}") from error
