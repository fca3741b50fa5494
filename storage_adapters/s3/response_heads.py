"""Heads of HTTP/1.1 messages: the request for a span, and the head of its response. Pure.

Knows: RFC 9112 sections 2 to 6, as far as a client goes that asks for one span at a time.
Refuses to know: sockets, bodies, and what an answer means.

    GET {target} HTTP/1.1               HTTP/1.1 206 Partial Content
    Host: {authority}                   Content-Length: 65536
    Range: bytes=0-65535                Content-Range: bytes 0-65535/1000000
    If-Match: "{etag}"                  ETag: "{etag}"

Whitespace before a colon, folded lines and bare CR, LF or NUL are malformed (RFC 9112 sections 2.2 and 5):
whoever guesses what they mean may take the body for something else than its sender did.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# RFC 9110 section 5.6.2 and RFC 9112 sections 4 and 5. No two branches begin alike: matching is linear.
NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
TEXT: Final = r"[^\0\r\n]*"
HEAD: Final = re.compile(rf"HTTP/1\.([0-9]) ([1-5][0-9]{{2}})(?: {TEXT})?\r\n((?:{NAME}:{TEXT}\r\n)*)")
FIELD: Final = re.compile(rf"({NAME}):({TEXT})\r\n")
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")  # 19 digits hold any size

WITHOUT_BODY: Final = frozenset({204, 304})


class MalformedHead(Exception):
    """What came is not the head of an HTTP/1.1 response."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response; `fields` by names in lower case, repeated ones joined (RFC 9110 section 5.3)."""

    minor_version: int
    status: int
    fields: Mapping[str, str]

    @property
    def is_interim(self) -> bool:
        """Whether the response itself is still to come (RFC 9110 section 15.2)."""
        return self.status < 200

    @property
    def body_bytes(self) -> int | None:
        """The length of the body (RFC 9112 section 6.3); None if only its end tells."""
        if self.status in WITHOUT_BODY:
            return 0
        return content_length(self.fields)

    @property
    def is_persistent(self) -> bool:
        """Whether the connection may be used again (RFC 9112 section 9.3)."""
        return self.minor_version > 0 and "close" not in self.fields.get("connection", "").lower()


def parse_head(octets: bytes) -> Head:
    """The head in these octets, which end with the CRLF of its last line. Raises MalformedHead."""
    found = HEAD.fullmatch(octets.decode("latin-1"))
    if found is None:
        raise MalformedHead(f"no head of an HTTP/1.1 response: {octets[:80]!r}")
    fields: dict[str, str] = {}
    for name, text in FIELD.findall(found[3]):
        known, value = name.lower(), text.strip(" \t")
        fields[known] = f"{fields[known]}, {value}" if known in fields else value
    return Head(int(found[1]), int(found[2]), fields)


def content_length(fields: Mapping[str, str]) -> int | None:
    """The promised length; None if there is no usable one. Transfer-Encoding overrides it."""
    text = "" if "transfer-encoding" in fields else fields.get("content-length", "")
    return int(text) if CONTENT_LENGTH.fullmatch(text) else None


def opening_of_get(target: str, authority: str) -> str:
    """How every GET of this target begins (RFC 9112 section 3)."""
    return f"GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: seekgate\r\nAccept-Encoding: identity\r\n"


def ranged_get(opening: str, byte_range: str, etag: str) -> bytes:
    """A GET of these bytes of this version."""
    return f'{opening}Range: {byte_range}\r\nIf-Match: "{etag}"\r\n\r\n'.encode("latin-1")
