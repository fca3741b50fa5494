"""Upload tokens: permission to write one media file until a time, as one word of a URL.

    token     = up_<owner>.<recording>.<media>.<unix seconds>.<API key>.<kid>.<HMAC>
    canonical = seekgate-upload-2 LF owner LF recording LF media LF unix seconds LF API key

The HMAC (SHA-256) is base64url. Numbers have no leading zeros and the HMAC is compared as text, so that a permission has
one spelling. The signing keys are those of playback URLs; the first line of the canonical text distinguishes the two
kinds. Every character is unreserved (RFC 3986 section 2.3), so that clients that re-quote a path do not break it.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Final

from gateway.protocol.signing import SigningKeys

_NUMBER: Final = "(0|[1-9][0-9]{0,17})"
_TOKEN: Final = re.compile(
    rf"up_([0-9]{{1,18}}t?)\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.([A-Za-z0-9_-]{{1,64}})\.([A-Za-z0-9_-]{{43}})"
)


class BadUploadToken(Exception):
    """The token gives no permission; the text may be shown to the client."""


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """What a token permits: writing one media file of one owner (`signing.owner_text`) until `expires`.

    `expires` counts seconds since the epoch. The permission ends with the API key `key_id` that the URL was signed for.
    """

    owner: str
    recording_id: int
    media_file_id: int
    expires: int
    key_id: int


class UploadTokens:
    """Signs and verifies upload tokens."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def sign(self, grant: UploadGrant) -> str:
        """The token that permits `grant`."""
        key = self._keys.newest
        words = (grant.owner, grant.recording_id, grant.media_file_id, grant.expires, grant.key_id, key.kid)
        return f"up_{'.'.join(map(str, words))}.{_signature(key.secret, grant)}"

    def verify(self, token: str, *, now: float) -> UploadGrant:
        """What the token permits at `now` (seconds since the epoch); raises BadUploadToken.

        The signature is compared in constant time, and before the expiry.
        """
        match = _TOKEN.fullmatch(token)
        key = self._keys.find(match[6]) if match else None
        if match is None or key is None:
            raise BadUploadToken("Upload URL is not valid")
        grant = UploadGrant(match[1], int(match[2]), int(match[3]), int(match[4]), int(match[5]))
        if not hmac.compare_digest(match[7], _signature(key.secret, grant)):
            raise BadUploadToken("Upload URL is not valid")
        if now >= grant.expires:
            raise BadUploadToken("Upload URL has expired")
        return grant


def _signature(secret: bytes, grant: UploadGrant) -> str:
    words = ("seekgate-upload-2", grant.owner, grant.recording_id, grant.media_file_id, grant.expires, grant.key_id)
    digest = hmac.digest(secret, "\n".join(map(str, words)).encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
