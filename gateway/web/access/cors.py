"""Cross-origin permission: one setting, the same words on every answer.

Knows: the Fetch standard's CORS protocol, Cross-Origin-Resource-Policy and Timing-Allow-Origin. Refuses to
know: what is being answered. A cached answer without these headers breaks a later cross-origin element, so
206, 304 and refusals carry them as well as 200.
"""

from collections.abc import Sequence
from typing import Final

from gateway.protocol.delivery import Header, HeaderBlock, header_block

_EXPOSED: Final = (
    "Content-Range, Accept-Ranges, Content-Length, ETag, "
    "Location, Tus-Resumable, Upload-Expires, Upload-Length, Upload-Offset"
)
_REQUEST_HEADERS: Final = (
    "Authorization, X-API-Key, Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, "
    "Content-Type, X-Request-Id, Content-MD5, X-Amz-Checksum-Sha256, "
    "Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Metadata, Upload-Offset"
)
# Browsers keep a preflight's answer for at most two hours (Chromium) or a day (Firefox).
_PREFLIGHT_SECONDS: Final = "7200"


class Cors:
    """What to tell a browser on behalf of `allowed_origins`: exact origins, or `*` for every one."""

    def __init__(self, allowed_origins: Sequence[str]) -> None:
        vary = ("Vary", "Origin")
        if "*" in allowed_origins:
            self._granted = {}
            self._others = header_block(_granted("*"))
        else:
            self._granted = {origin: header_block((*_granted(origin), vary)) for origin in allowed_origins}
            # A no-cors element of an allowed page sends no Origin, so the resource policy has to stay open.
            policy = ("Cross-Origin-Resource-Policy", "cross-origin" if allowed_origins else "same-origin")
            self._others = header_block((policy, vary) if allowed_origins else (policy,))

    def headers(self, origin: str | None) -> HeaderBlock:
        """The headers of any answer to a request from `origin` (None: the request named none)."""
        return self._granted.get(origin, self._others) if origin else self._others

    def preflight(self, origin: str | None, allow: str) -> tuple[Header, ...]:
        """The headers of an answer to OPTIONS; `allow` lists the resource's methods."""
        granted = self.headers(origin).headers
        if not any(name == "Access-Control-Allow-Origin" for name, _ in granted):
            return granted
        return (
            *granted,
            ("Access-Control-Allow-Methods", allow),
            ("Access-Control-Allow-Headers", _REQUEST_HEADERS),
            ("Access-Control-Max-Age", _PREFLIGHT_SECONDS),
        )


def _granted(origin: str) -> tuple[Header, ...]:
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", _EXPOSED),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Timing-Allow-Origin", origin),
    )
