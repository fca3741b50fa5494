"""Playback URLs: permission to read one media file until a time, carried in the query.

    query     = [own=<owner>&][by=<API key>&]exp=<unix seconds>[&disposition=attachment]&kid=<key id>&sig=<HMAC>
    canonical = seekgate-playback-1 LF GET+HEAD LF owner LF recording LF media LF disposition LF exp
                seekgate-playback-2 LF the same LF API key    for a URL that was signed for an API key
                seekgate-playback-3 LF the same without owner LF API key    for a URL that was signed for a share link

The HMAC (SHA-256) is base64url and is compared as text, so that it has one spelling. The signature is checked before any
look-up. A share link's viewer may not learn whose recording it is, so its URLs contain no owner; the link's row does.
Every value consists of unreserved characters (RFC 3986 section 2.3), so that clients that re-quote a query do not break
it.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

Disposition = Literal["inline", "attachment"]

_OWNER: Final = re.compile(r"([0-9]{1,18})(t?)")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SECRET_BYTES: Final = 32
_API_KEY_ID: Final = re.compile(r"[1-9][0-9]{0,17}")

# A query with any of these fields counts as that of a playback URL.
SIGNATURE_FIELDS: Final = frozenset({"sig", "kid", "exp", "own"})


class BadSignature(Exception):
    """The query gives no permission; the text may be shown to the client."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret and the id under which URLs name it."""

    kid: str
    secret: bytes


def new_signing_key() -> SigningKey:
    """A random key, for a gateway without configured keys."""
    return SigningKey(f"own-{secrets.token_hex(4)}", secrets.token_bytes(_SECRET_BYTES))


class SigningKeys:
    """The keys that a Signer and UploadTokens share: the first signs, all verify.

    `generation` is the number of times that they were replaced. A permission that was verified in another generation must
    be verified again.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self.generation = 0
        self.newest = keys[0]
        self._by_kid = {key.kid: key for key in keys}

    def find(self, kid: str) -> SigningKey | None:
        return self._by_kid.get(kid)

    def replace(self, keys: Sequence[SigningKey]) -> None:
        """From now on only these keys sign and verify."""
        self.newest = keys[0]
        self._by_kid = {key.kid: key for key in keys}
        self.generation += 1


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission of a playback URL: reading one media file of one owner, shown or saved.

    The permission ends with the API key `key_id` that the URL was signed for; None for URLs of the command line. An empty
    `owner` means the owner of that key.
    """

    owner: str
    recording_id: int
    media_file_id: int
    disposition: Disposition = "inline"
    key_id: int | None = None


@dataclass(frozen=True, slots=True)
class SignedQuery:
    """A query string without its `?`, and when it expires."""

    query: str
    expires_at: datetime


def owner_text(user_id: int, live: bool) -> str:  # noqa: FBT001 - the two halves of an owner, in order
    """An owner as a playback URL carries it: the user's id, followed by a `t` for test data."""
    return f"{user_id}{'' if live else 't'}"


def parse_owner(text: str) -> tuple[int, bool]:
    """The user's id and whether the data is live; raises BadSignature if the text is not an owner."""
    match = _OWNER.fullmatch(text)
    if match is None:
        raise BadSignature("Playback URL is not valid")
    return int(match[1]), not match[2]


class Signer:
    """Signs and verifies playback URLs.

    `expires_in_seconds` is the shortest lifetime of a URL. For `window_seconds`, a new URL for the same file is the same
    text, so that caches hit: a URL is valid for at least the first and at most the sum of both.
    """

    def __init__(self, keys: SigningKeys, *, expires_in_seconds: int, window_seconds: int) -> None:
        self.keys = keys
        self._expires_in = expires_in_seconds
        self._window = window_seconds

    def sign(self, grant: Grant, *, now: float, expires_in_seconds: int | None = None) -> SignedQuery:
        """The query that permits `grant` from `now` (seconds since the epoch) on.

        An explicit `expires_in_seconds` is exact; the default is rounded up to the window.
        """
        if expires_in_seconds is None:
            expires = -(-int(now + self._expires_in) // self._window) * self._window
        else:
            expires = int(now) + expires_in_seconds
        key = self.keys.newest
        signature = _signature(key.secret, grant, str(expires))
        disposition = "" if grant.disposition == "inline" else f"&disposition={grant.disposition}"
        own = f"own={grant.owner}&" if grant.owner else ""
        by = "" if grant.key_id is None else f"by={grant.key_id}&"
        query = f"{own}{by}exp={expires}{disposition}&kid={key.kid}&sig={signature}"
        return SignedQuery(query, datetime.fromtimestamp(expires, UTC))

    def verify(
        self, query: Mapping[str, str], recording_id: int, media_file_id: int, *, now: float
    ) -> tuple[Grant, int]:
        """What the query permits for this media file at `now`, and when that ends; raises BadSignature.

        A query with a repeated parameter gives no permission: parsers could disagree about which value counts. The
        signature is compared in constant time, and before the expiry.
        """
        if len(query) > len(set(query)):
            raise BadSignature("Playback URL is not valid")
        key = self.keys.find(query.get("kid", ""))
        expires = query.get("exp", "")
        disposition: Disposition = "attachment" if query.get("disposition") == "attachment" else "inline"
        by = query.get("by")
        if key is None or not _SECONDS.fullmatch(expires) or not (by is None or _API_KEY_ID.fullmatch(by)):
            raise BadSignature("Playback URL is not valid")
        grant = Grant(query.get("own", ""), recording_id, media_file_id, disposition, int(by) if by else None)
        given = query.get("sig", "").encode(errors="surrogatepass")
        if not hmac.compare_digest(given, _signature(key.secret, grant, expires).encode()):
            raise BadSignature("Playback URL is not valid")
        if now >= int(expires):
            raise BadSignature("Playback URL has expired")
        return grant, int(expires)


def _signature(secret: bytes, grant: Grant, expires: str) -> str:
    words = ["GET+HEAD", grant.owner, str(grant.recording_id), str(grant.media_file_id), grant.disposition, expires]
    if grant.key_id is None:
        words.insert(0, "seekgate-playback-1")
    elif grant.owner:
        words = ["seekgate-playback-2", *words, str(grant.key_id)]
    else:
        words = ["seekgate-playback-3", words[0], *words[2:], str(grant.key_id)]
    digest = hmac.digest(secret, "\n".join(words).encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
