"""How a head is told from another by its range alone.

Knows: where a range's figures stand. Refuses to know: how a head is parsed. They are compared as bytes.

    head = known, but for its figures        GET ... CRLF R|ange: bytes=|0-65535|CRLF|... CRLF CRLF
"""

from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from gateway.web.exchange import X_REQUEST_ID

_MAX_HEAD_BYTES: Final = 2048

# Range's name may begin with either letter: clients in JavaScript write it small.
_MARK: Final = b"ange: bytes="
_BEFORE_MARK: Final = (b"\r\nR", b"\r\nr")


def split_head(head: bytes) -> tuple[bytes, str]:
    """The head without its range's figures, and these.

    The mark's first place in what is left is the same, so two heads that leave the same differ in their figures alone.
    A head without the mark leaves something without it, which nobody learns.
    """
    start = head.find(_MARK) + len(_MARK)
    end = head.find(b"\r\n", start)
    return head[:start] + head[end:], head[start:end].decode("latin-1")


def is_plain(request: web.Request, head: bytes) -> bool:
    """Whether the head is the whole request, and its answer says nothing of it and leaves the connection open."""
    headers = request.headers
    return (
        0 < len(head) <= _MAX_HEAD_BYTES
        and head[: head.find(_MARK)].endswith(_BEFORE_MARK)
        and request.method == hdrs.METH_GET
        and request.version >= HttpVersion11
        and request.keep_alive
        and not request.body_exists
        and hdrs.UPGRADE not in headers
        and X_REQUEST_ID not in headers
    )
