"""The settings of each kind of storage.

Knows: which options each adapter takes, and their defaults and bounds.
Refuses to know: the adapters; `options()` is handed to `storage_adapters.connect(kind, options)`.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, ValidationInfo, field_validator

from gateway.settings.kinds import (
    ByteCount,
    Count,
    Folder,
    HttpUrl,
    PresignSeconds,
    Seconds,
    Section,
    Tries,
)


class LocalStorage(Section):
    """Files under a root directory; without a root, `media` in the data directory (config.py fills it in)."""

    kind: Literal["local"]
    root: Folder
    open_files: Count = 512

    def options(self) -> dict[str, Any]:
        return {"root": self.root, "open_files": self.open_files}


class MemoryStorage(Section):
    """Objects that end with the process: for trying things out."""

    kind: Literal["memory"]

    def options(self) -> dict[str, Any]:
        return {}


class SyntheticStorage(Section):
    """Every object of the synthetic corpus (storage_adapters/synthetic.py): for load tests."""

    kind: Literal["synthetic"]

    def options(self) -> dict[str, Any]:
        return {}


class S3Storage(Section):
    """A bucket of Amazon S3 or a compatible server; without keys, the SDK's chain of credentials.

    Without a `cache_folder`, `slices` in the data directory (config.py fills it in).
    """

    kind: Literal["s3"]
    bucket: Annotated[str, Field(min_length=1)]
    prefix: str = ""
    region: str | None = None
    endpoint_url: HttpUrl | None = None
    public_endpoint_url: HttpUrl | None = None
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    verify_tls: bool = True
    ca_bundle: FilePath | None = None
    max_connections: Count = 256
    connect_timeout_seconds: Seconds = 2
    read_timeout_seconds: Seconds = 10
    pool_timeout_seconds: Seconds = 5
    window_initial_bytes: ByteCount = 524_288
    window_max_bytes: ByteCount = 8_388_608
    parallel_requests: Count = 8
    buffer_budget_bytes: ByteCount = 268_435_456
    retries: Tries = 3
    presign_expires_in_seconds: PresignSeconds = 3600
    presign_window_seconds: PresignSeconds = 900
    upload_part_bytes: Annotated[ByteCount, Field(ge=5_242_880)] = 67_108_864
    cache_max_bytes: Annotated[ByteCount, Field(ge=67_108_864)] | None = None
    cache_folder: Folder | None = None
    redirect: bool = False

    @field_validator("secret_access_key")
    @classmethod
    def _whole_credentials(cls, secret: SecretStr | None, seen: ValidationInfo) -> SecretStr | None:
        if "access_key_id" in seen.data and (secret is None) != (seen.data["access_key_id"] is None):
            raise ValueError("both access_key_id and secret_access_key, or neither")
        return secret

    @field_validator("window_max_bytes")
    @classmethod
    def _windows_grow(cls, size: int, seen: ValidationInfo) -> int:
        if size < seen.data.get("window_initial_bytes", 0):
            raise ValueError("at least window_initial_bytes")
        return size

    @field_validator("buffer_budget_bytes")
    @classmethod
    def _budget_holds_a_window(cls, size: int, seen: ValidationInfo) -> int:
        if size < seen.data.get("window_max_bytes", 0):
            raise ValueError("at least window_max_bytes")
        return size

    @field_validator("presign_window_seconds")
    @classmethod
    def _window_inside_expiry(cls, seconds: int, seen: ValidationInfo) -> int:
        if seconds >= seen.data.get("presign_expires_in_seconds", seconds + 1):
            raise ValueError("less than presign_expires_in_seconds")
        return seconds

    @property
    def readers_source(self) -> str:
        """Where redirected readers are sent, as a source of a Content-Security-Policy."""
        endpoint = self.public_endpoint_url or self.endpoint_url
        if endpoint is None:
            return "https://*.amazonaws.com"
        parts = urlsplit(endpoint)
        # With virtual addressing the bucket stands before the host.
        return f"{parts.scheme}://{parts.netloc} {parts.scheme}://*.{parts.netloc}"

    def options(self) -> dict[str, Any]:
        """Everything the adapter takes; `redirect` is the gateway's own switch."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in {"kind", "redirect"}}
        return {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in given.items()}


Storage = Annotated[LocalStorage | MemoryStorage | S3Storage | SyntheticStorage, Field(discriminator="kind")]
