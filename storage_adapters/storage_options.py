"""The options of each kind of storage backend: their names, defaults, limits and meaning.

An adapter is constructed from one of these classes, and the gateway's settings inherit their fields. `config.yaml`
repeats their defaults and descriptions; a test compares the two. Units are part of the names.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    ValidationInfo,
    field_validator,
)

KIB: Final = 1024
MIB: Final = 1024 * KIB

LEAST_WINDOW_BYTES: Final = 64 * KIB
"""The smallest window that justifies its own request; a reader gets this much when memory is short."""


class Section(BaseModel):
    """A group of settings: immutable, without unknown names, and with its defaults checked like given values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


def _refuse_bool(value: object) -> object:
    # YAML 1.1 reads `yes` and `on` as true, and Python counts true as 1: nobody means that number.
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError if it is not a port
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a URL like https://media.example.org")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a URL without user, query or fragment")
    return text.rstrip("/")


Number = BeforeValidator(_refuse_bool)
Integer = Annotated[int, Number]
Count = Annotated[int, Number, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Number, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
# Signature Version 4 allows at most seven days.
PresignSeconds = Annotated[int, Number, Field(ge=1, le=604_800)]
Folder = Annotated[Path, AfterValidator(_absolute)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


def at_least(setting: str) -> AfterValidator:
    """A number that is not less than that of a setting of the same section, which is declared before."""

    def check(number: float, seen: ValidationInfo) -> float:
        if number < seen.data.get(setting, number):
            raise ValueError(f"at least {setting}")
        return number

    return AfterValidator(check)


class LocalOptions(Section):
    """Files below a root directory."""

    root: Folder = Field(description="The directory of the files; null is `media` in data_dir")
    open_files: Integer = Field(
        default=512, ge=0, le=1_000_000, description="How many files are kept open between reads"
    )
    readable_by_group: bool = Field(
        default=False,
        description="Whether the group of the files may read them (folders 0750 and files 0640 instead of 0700 and 0600)",
    )
    read_only: bool = Field(
        default=False,
        description=(
            "Whether nothing is written there: uploads are refused, and what is deleted stays until a day after this is"
            " false again"
        ),
    )


class S3Options(Section):
    """One bucket, or the part of it below a prefix, on Amazon S3 or a compatible server.

    Proxy settings in the environment are ignored. Without `access_key_id` the SDK's default chain finds the
    credentials, and is asked again if S3 refuses them.
    """

    bucket: str = Field(min_length=1, description="The bucket's name, which has no default")
    prefix: str = Field(default="", description="The prefix of every key in the bucket")
    region: str | None = Field(default=None, description="The bucket's region; null uses the SDK's own settings")
    endpoint_url: HttpUrl | None = Field(default=None, description="The server's URL; null is Amazon's")
    public_endpoint_url: HttpUrl | None = Field(
        default=None, description="The server's URL as clients reach it, for presigned URLs; null is endpoint_url"
    )
    addressing_style: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description="Whether the bucket is named in the path, in the host (virtual), or as the SDK decides (auto)",
    )
    access_key_id: str | None = Field(
        default=None, description="The access key's id; null uses the SDK's own credentials chain"
    )
    secret_access_key: SecretStr | None = Field(default=None, description="The access key's secret")
    session_token: SecretStr | None = Field(default=None, description="The token of temporary credentials")
    verify_tls: bool = Field(default=True, description="Whether the server's certificate is checked")
    ca_bundle: FilePath | None = Field(
        default=None, description="A file of certificates (PEM) to trust instead of the system's"
    )
    max_connections: Count = Field(default=256, description="How many connections each process opens at most")
    connect_timeout_seconds: Seconds = Field(default=2, description="How long connecting may take")
    read_timeout_seconds: Seconds = Field(default=10, description="How long the server may be silent inside a response")
    pool_timeout_seconds: Seconds = Field(default=5, description="How long a read waits for a free connection")
    window_initial_bytes: Integer = Field(
        default=512 * KIB,
        ge=LEAST_WINDOW_BYTES,
        le=1 << 40,
        description="The size of a read's first request; later ones are larger if the reader is fast",
    )
    window_max_bytes: Annotated[Integer, at_least("window_initial_bytes")] = Field(
        default=8 * MIB,
        le=1 << 40,
        description="The read-ahead limit: how far ahead of its reader a read requests at most",
    )
    parallel_requests: Count = Field(
        default=8, description="The number of parallel requests that the read-ahead is split into"
    )
    buffer_budget_bytes: Annotated[Integer, at_least("window_max_bytes")] = Field(
        default=256 * MIB, le=1 << 40, description="The memory that all reads of a process may use for requested bytes"
    )
    retries: Integer = Field(default=3, ge=0, le=100, description="How often a read is resumed after an error")
    presign_expires_in_seconds: PresignSeconds = Field(default=3600, description="How long a presigned URL is valid")
    presign_window_seconds: Integer = Field(
        default=900, ge=0, description="How long the same presigned URL is returned again, so that caches can hit"
    )
    upload_part_bytes: Integer = Field(
        default=64 * MIB,
        ge=5 * MIB,
        le=1 << 40,
        description="Files larger than this are uploaded in parts of this size, each with its own presigned URL",
    )
    cache_max_bytes: Integer | None = Field(
        default=None,
        ge=64 * MIB,
        le=1 << 40,
        description=(
            "How many bytes of recent reads each process caches in local files (64 MiB or more); null disables the cache"
        ),
    )
    cache_folder: Folder | None = Field(
        default=None, description="The directory of these files; null is `slices` in data_dir"
    )

    @field_validator("secret_access_key")
    @classmethod
    def _together_with_id(cls, secret: SecretStr | None, seen: ValidationInfo) -> SecretStr | None:
        if "access_key_id" in seen.data and (secret is None) != (seen.data["access_key_id"] is None):
            raise ValueError("given together with access_key_id, or not at all")
        return secret

    @field_validator("presign_window_seconds")
    @classmethod
    def _shorter_than_expiry(cls, seconds: int, seen: ValidationInfo) -> int:
        if seconds >= seen.data.get("presign_expires_in_seconds", seconds + 1):
            raise ValueError("less than presign_expires_in_seconds")
        return seconds
