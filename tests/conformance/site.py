"""What the conformance suite needs of a running gateway, and nothing else of it.

The keys belong to one user, except `other_key`; `test_key` is the same user's, for test data.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

ALLOWED_ORIGIN = "https://player.example"
FOREIGN_ORIGIN = "https://elsewhere.example"
SIGNING_KID = "conformance"
SIGNING_SECRET = "a secret of the conformance suite alone"


class Site(Protocol):
    """A gateway on a real socket, with `cors.allowed_origins` and one playback signing key as above."""

    host: str
    port: int
    pid: int
    key: str
    other_key: str
    test_key: str
    read_only_key: str
    write_only_key: str
    expired_key: str
    revoked_key: str
    user_id: int

    @property
    def authority(self) -> str:
        """What goes into Host."""
        ...

    def add(
        self,
        name: str,
        content: bytes,
        format: str,
        *,
        modified_at: float | None = None,
        meeting: tuple[str, str] | None = None,
        segments: Sequence[str] = (),
    ) -> tuple[int, int]:
        """Put an object into the storage and the catalogue; (recording id, media file id)."""
        ...

    def path_of(self, name: str) -> Path:
        """Where the object's bytes lie."""
        ...

    def log_text(self) -> str:
        """What the gateway has logged so far."""
        ...
