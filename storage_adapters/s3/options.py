"""The settings of an S3 storage, checked in one place.

Knows: their names, defaults and limits. Refuses to know: what is done with them.
Units are in the names: bytes and seconds.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

KIB = 1024
MIB = 1024 * KIB

LEAST_WINDOW_BYTES = 64 * KIB
"""The smallest window worth a request of its own; what a reader gets when memory is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Where the bucket is, who we are there, and how much we may hold of it.

    Proxies named by the environment are not used. Without `access_key_id` the SDK's default chain
    finds the credentials, and finds them again when S3 refuses what it found.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint_url: str | None = None
    public_endpoint_url: str | None = None
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    ca_bundle: str | None = None
    max_connections: int = 256
    connect_timeout_seconds: float = 2
    read_timeout_seconds: float = 10
    pool_timeout_seconds: float = 5
    window_initial_bytes: int = 512 * KIB
    window_max_bytes: int = 8 * MIB
    parallel_requests: int = 8
    buffer_budget_bytes: int = 256 * MIB
    retries: int = 3
    presign_expires_in_seconds: int = 3600
    presign_window_seconds: int = 900
    upload_part_bytes: int = 64 * MIB
    cache_folder: Path | None = None
    cache_max_bytes: int | None = None

    def __post_init__(self) -> None:
        if faults := [words for wrong, words in self._checks() if wrong]:
            raise ValueError("; ".join(faults))

    def _checks(self) -> tuple[tuple[bool, str], ...]:
        """Every rule as (is it broken, what to change)."""
        return (
            (not self.bucket, "bucket: a name is needed"),
            (self.addressing_style not in {"auto", "path", "virtual"}, "addressing_style: auto, path or virtual"),
            (
                (self.access_key_id is None) != (self.secret_access_key is None),
                "access_key_id and secret_access_key: both or neither",
            ),
            (self.max_connections < 1, "max_connections: at least 1"),
            (self.parallel_requests < 1, "parallel_requests: at least 1"),
            (self.retries < 0, "retries: at least 0"),
            (
                min(self.connect_timeout_seconds, self.read_timeout_seconds, self.pool_timeout_seconds) <= 0,
                "connect_timeout_seconds, read_timeout_seconds and pool_timeout_seconds: more than 0",
            ),
            (
                not LEAST_WINDOW_BYTES
                <= self.window_initial_bytes
                <= self.window_max_bytes
                <= self.buffer_budget_bytes,
                f"window_initial_bytes, window_max_bytes, buffer_budget_bytes: ascending, from {LEAST_WINDOW_BYTES} on",
            ),
            (not 1 <= self.presign_expires_in_seconds <= 604_800, "presign_expires_in_seconds: from 1 to 604800"),
            (self.presign_window_seconds < 0, "presign_window_seconds: at least 0"),
            (self.upload_part_bytes < 5 * MIB, f"upload_part_bytes: at least {5 * MIB}, as S3 wants it"),
            (self.cache_max_bytes is not None and self.cache_folder is None, "cache_folder: a cache needs one"),
        )


def parse_options(given: dict[str, Any]) -> S3Options:
    """The settings from their names; raises ValueError with everything that is wrong."""
    if unknown := given.keys() - {known.name for known in fields(S3Options)}:
        raise ValueError(f"unknown settings of an S3 storage: {', '.join(sorted(unknown))}")
    if "bucket" not in given:
        raise ValueError("bucket: a name is needed")
    return S3Options(**given)
