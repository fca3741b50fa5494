"""The header fields that depend on the page and the credentials of a request: CORS and Vary.

One setting decides the Fetch standard's CORS fields, Cross-Origin-Resource-Policy and Timing-Allow-Origin. A cached
response without them breaks a later cross-origin element, so 206, 304 and refusals carry them as well as 200.
"""

from collections.abc import Sequence
from typing import Final

from gateway.protocol.delivery import Header, HeaderBlock, header_block

_EXPOSED: Final = (
    "Content-Range, Accept-Ranges, Content-Length, ETag, "
    "Location, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Expires, Upload-Length, Upload-Offset"
)
_REQUEST_HEADERS: Final = (
    "Authorization, X-API-Key, Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, "
    "Content-Type, X-Request-Id, Content-MD5, X-Amz-Checksum-Sha256, "
    "Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override"
)
# Browsers cache a preflight for at most two hours (Chromium) or a day (Firefox).
_PREFLIGHT_SECONDS: Final = "7200"
_CREDENTIALS: Final = ("X-API-Key", "Authorization")


class Cors:
    """The fields for `allowed_origins`: exact origins, or `*` for every one."""

    def __init__(self, allowed_origins: Sequence[str]) -> None:
        vary: tuple[str, ...] = ()
        self._granted = {}
        if "*" in allowed_origins:
            others = _granted("*")
        else:
            vary = ("Origin",) if allowed_origins else ()
            self._granted = {origin: _Blocks(_granted(origin), vary) for origin in allowed_origins}
            # A no-cors element of an allowed page sends no Origin, so the resource policy has to stay open.
            others = (("Cross-Origin-Resource-Policy", "cross-origin" if allowed_origins else "same-origin"),)
        self._others = _Blocks(others, vary)

    def headers(self, origin: str | None, *, by_key: bool = False) -> HeaderBlock:
        """The fields of a response to a request from `origin` (None if it has no Origin field).

        `by_key` says that the response depends on the request's API key, so that caches must compare it (Vary).
        """
        blocks = self._granted.get(origin, self._others) if origin else self._others
        return blocks.by_key if by_key else blocks.plain

    def preflight(self, origin: str | None, allow: str) -> tuple[Header, ...]:
        """The fields of a response to OPTIONS besides `headers`; `allow` lists the resource's methods."""
        if not any(name == "Access-Control-Allow-Origin" for name, _ in self.headers(origin).headers):
            return ()
        return (
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", _REQUEST_HEADERS),
            ("Access-Control-Max-Age", _PREFLIGHT_SECONDS),
        )


class _Blocks:
    """The same fields for a response that does not depend on an API key (`plain`) and for one that does."""

    def __init__(self, fields: tuple[Header, ...], vary: tuple[str, ...]) -> None:
        self.plain = header_block((*fields, ("Vary", ", ".join(vary))) if vary else fields)
        self.by_key = header_block((*fields, ("Vary", ", ".join((*vary, *_CREDENTIALS)))))


def _granted(origin: str) -> tuple[Header, ...]:
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", _EXPOSED),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Timing-Allow-Origin", origin),
    )
