"""Finds request heads before anything parses them: where one ends, whether it is too large, how long its body is.

A head is handed to aiohttp's parser only once it is complete and within MAX_HEAD_BYTES and MAX_FIELDS, so that no
client can make the gateway hold more. The parser decides what is valid HTTP; this module only finds where a request
ends, so that the next one is kept away from the parser until the current one is answered.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

MAX_HEAD_BYTES: Final = 32 * 1024
MAX_FIELDS: Final = 64
SHOWN_BYTES: Final = 2048
"""How much of a head is stored, so that a refusal can log its request line (`request_line`)."""

# The parser gets this instead of a head that it must not see. The parser's refusal is sent in the order of requests.
UNPARSABLE: Final = b"\0\r\n\r\n"

HEAD_END: Final = b"\r\n\r\n"
# An empty line. A line feed alone does not end a line in HTTP; the parser has to see such a head to refuse it.
_END: Final = re.compile(rb"\n\r?\n")
_END_BYTES: Final = 3
_START: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |\Z)")
_REQUEST_LINE: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [^ \r\n]+ HTTP/1\.[01]\r\n")
_FRAMING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|(?:received-)*(?:upgrade|expect))[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE
)
_LENGTH: Final = re.compile(rb"0*([0-9]{1,19})[ \t]*")
_HIDDEN: Final = re.compile(rb"\r\n(?=(?:received-)*(?:upgrade|expect)[ \t]*:)", re.IGNORECASE)
# aiohttp acts on two fields before a handler sees the request, so it gets them under other names. After `Upgrade` it
# stops reading HTTP: what follows in the same segment is lost, or becomes a request (RFC 9110 section 7.8 lets a
# server ignore the field). It answers `Expect` itself on paths without a route. A client's own `Received-Expect` gets
# one more prefix, so that it is not taken for ours.
HIDDEN_PREFIX: Final = b"Received-"
_CLOSE: Final = b"\r\nConnection: close\r\n\r\n"


class BadHead(Exception):
    """A request head that cannot be parsed: the response's status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RequestHead(NamedTuple):
    """A complete head as the parser gets it, and the length of the body that follows.

    The body's length is None where only the parser can find its end; such a request is the last of its connection.
    """

    octets: bytes
    body_bytes: int | None


def take_head(held: bytearray, searched: int) -> RequestHead | None:
    """Remove the first head from the received bytes; None if it is incomplete. Raises BadHead, and removes nothing then.

    The first `searched` bytes are known not to contain its end.
    """
    found = _END.search(held, max(searched - _END_BYTES, 0))
    if (found.end() if found else len(held)) > MAX_HEAD_BYTES:
        raise BadHead(431, f"The request head is larger than {MAX_HEAD_BYTES} bytes")
    if found is None:
        if not _START.match(held):
            raise BadHead(400, "The request is not HTTP")
        return None
    head = _framed(bytes(held[: found.end()]))
    del held[: found.end()]
    return head


def _framed(octets: bytes) -> RequestHead:
    if not _REQUEST_LINE.match(octets):
        raise BadHead(400, "The request line is not valid HTTP/1.1")
    if octets.count(b"\n") - 2 > MAX_FIELDS:
        raise BadHead(431, f"The request head has more than {MAX_FIELDS} fields")
    found = [(name.lower(), value) for name, value in _FRAMING.findall(octets)]
    fields = dict(found)
    if any(name.endswith((b"upgrade", b"expect")) for name in fields):
        octets = _HIDDEN.sub(b"\r\n" + HIDDEN_PREFIX, octets)
    if b"transfer-encoding" in fields:
        _check_codings(octets, [value for name, value in found if name == b"transfer-encoding"])
    if b"transfer-encoding" in fields or octets.startswith(b"CONNECT "):
        return RequestHead(octets.removesuffix(b"\r\n\r\n") + _CLOSE, None)
    if b"upgrade" in fields:
        octets = octets.removesuffix(b"\r\n\r\n") + _CLOSE
    length = _LENGTH.fullmatch(fields.get(b"content-length", b"0"))
    if length is None:
        raise BadHead(400, "Content-Length should be a number of bytes")
    return RequestHead(octets, int(length[1]))


def _check_codings(octets: bytes, codings: Sequence[bytes]) -> None:
    """Raises BadHead for a coding other than chunked, and for any coding in HTTP/1.0 (RFC 9112 section 6.1)."""
    if any(coding.strip(b" \t").lower() != b"chunked" for coding in codings):
        raise BadHead(400, "Transfer-Encoding should be chunked")
    if octets.split(b"\r\n", 1)[0].endswith(b"HTTP/1.0"):
        raise BadHead(400, "HTTP/1.0 has no Transfer-Encoding")


def request_line(head: bytes) -> tuple[str, str]:
    """The method and the decoded path, as far as they can be read from bytes that may not be HTTP; else empty."""
    method, _, rest = head.split(b"\n", 1)[0].strip().partition(b" ")
    target = rest.split(b" ", 1)[0].decode("ascii", "backslashreplace")
    if not target.startswith("/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            target = ""
    path = target.partition("?")[0].partition("#")[0]
    return method.decode("ascii", "backslashreplace"), unquote(path, errors="backslashreplace")
