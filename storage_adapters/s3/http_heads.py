"""Writes the head of a ranged GET, and parses the head of a response and chunked bodies (HTTP/1.1). Pure.

    GET {target} HTTP/1.1               HTTP/1.1 206 Partial Content
    Host: {authority}                   Content-Length: 65536
    Range: bytes=0-65535                Content-Range: bytes 0-65535/1000000
    If-Match: "{etag}"                  ETag: "{etag}"

White space before a colon, folded lines and bare CR, LF or NUL are malformed (RFC 9112 sections 2.2 and 5): a client
that guesses their meaning may delimit the body differently from its sender.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# RFC 9110 section 5.6.2 and RFC 9112 sections 4 and 5.
# No two alternatives begin with the same character, so matching is linear.
NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
TEXT: Final = r"[^\0\r\n]*"
HEAD: Final = re.compile(rf"HTTP/1\.([0-9]) ([1-5][0-9]{{2}})(?: {TEXT})?\r\n((?:{NAME}:{TEXT}\r\n)*)")
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")  # 19 digits suffice for any size
CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?")

WITHOUT_BODY: Final = frozenset({204, 304})
LINE_LIMIT_BYTES: Final = 8 * 1024
TRAILERS: Final = 64


class MalformedResponse(Exception):
    """The octets are not an HTTP/1.1 response."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response. `fields` has lower-case names; repeated fields are joined (RFC 9110 section 5.3)."""

    minor_version: int
    status: int
    fields: Mapping[str, str]

    @property
    def is_interim(self) -> bool:
        """Whether this is a 1xx head, after which the final response follows (RFC 9110 section 15.2)."""
        return self.status < 200

    @property
    def is_chunked(self) -> bool:
        """Whether the body is in chunks (RFC 9112 section 7.1). Raises MalformedResponse for any other coding."""
        coding = self.fields.get("transfer-encoding")
        if coding is None or self.status in WITHOUT_BODY:
            return False
        if coding.lower() != "chunked":
            raise MalformedResponse(f"Transfer-Encoding {coding!r}, which was not asked for")
        return True

    @property
    def body_bytes(self) -> int | None:
        """The length of the body (RFC 9112 section 6.3); None if it is chunked or ends with the connection."""
        if self.status in WITHOUT_BODY:
            return 0
        return content_length(self.fields)

    @property
    def is_persistent(self) -> bool:
        """Whether the connection may be used again (RFC 9112 section 9.3)."""
        return self.minor_version > 0 and "close" not in self.fields.get("connection", "").lower()


def parse_head(octets: bytes) -> Head:
    """Parse a head; the octets end with the CRLF of its last line. Raises MalformedResponse."""
    found = HEAD.fullmatch(octets.decode("latin-1"))
    if found is None:
        raise MalformedResponse(f"not the head of an HTTP/1.1 response: {octets[:80]!r}")
    lines = [line.partition(":") for line in found[3].split("\r\n")[:-1]]
    fields = {name.lower(): value.strip(" \t") for name, _, value in lines}
    if len(fields) < len(lines):
        fields = joined(lines)
    return Head(int(found[1]), int(found[2]), fields)


def joined(lines: list[tuple[str, str, str]]) -> dict[str, str]:
    """The fields of these lines, of which some have the same name."""
    fields: dict[str, str] = {}
    for name, _, text in lines:
        known, value = name.lower(), text.strip(" \t")
        fields[known] = f"{fields[known]}, {value}" if known in fields else value
    return fields


def content_length(fields: Mapping[str, str]) -> int | None:
    """The Content-Length; None if there is no usable one, or a Transfer-Encoding, which overrides it."""
    text = "" if "transfer-encoding" in fields else fields.get("content-length", "")
    return int(text) if CONTENT_LENGTH.fullmatch(text) else None


class ChunkedBody:
    """Decodes a chunked body as it arrives (RFC 9112 section 7.1)."""

    def __init__(self) -> None:
        self.is_complete = False
        self._missing = 0  # bytes of the current chunk still to arrive
        self._line = b""
        self._take_line = self._take_size
        self._trailers = 0

    def feed(self, octets: bytes) -> tuple[list[bytes], bytes]:
        """Decode these octets; return the data, and the octets after the end of the body. Raises MalformedResponse."""
        data: list[bytes] = []
        while octets and not self.is_complete:
            if self._missing:
                data.append(octets[: self._missing])
                octets = octets[self._missing :]
                self._missing -= len(data[-1])
                continue
            line, newline, octets = (self._line + octets).partition(b"\r\n")
            self._line = b"" if newline else line
            if len(line) > LINE_LIMIT_BYTES:
                raise MalformedResponse(f"a line of more than {LINE_LIMIT_BYTES} bytes in a chunked body")
            if newline:
                self._take_line(line)
        return data, octets

    def _take_size(self, line: bytes) -> None:
        found = CHUNK_LINE.fullmatch(line)
        if found is None:
            raise MalformedResponse(f"not the size of a chunk: {line[:80]!r}")
        self._missing = int(found[1], 16)
        self._take_line = self._take_end if self._missing else self._take_trailer

    def _take_end(self, line: bytes) -> None:
        if line:
            raise MalformedResponse(f"a chunk is longer than its declared size: {line[:80]!r}")
        self._take_line = self._take_size

    def _take_trailer(self, line: bytes) -> None:
        self._trailers += 1
        if self._trailers > TRAILERS:
            raise MalformedResponse(f"more than {TRAILERS} trailers")
        self.is_complete = not line


def opening_of_get(target: str, authority: str) -> str:
    """The request line and the header fields that every GET of this target begins with (RFC 9112 section 3)."""
    return f"GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: seekgate\r\nAccept-Encoding: identity\r\n"


def ranged_get(opening: str, byte_range: str, etag: str) -> bytes:
    """A GET of these bytes of this version."""
    return f'{opening}Range: {byte_range}\r\nIf-Match: "{etag}"\r\n\r\n'.encode("latin-1")
