"""One request and its response, as the access log and the metrics report them.

The middleware creates an exchange for each request and stores it as `request[EXCHANGE]`, the project's only request key.
Other code adds what it finds out about the request.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal
from urllib.parse import unquote

from aiohttp import hdrs, web
from multidict import istr

# How a response ended:
#   complete       every promised byte was handed to the kernel
#   client_closed  the client disconnected first, as browsers do at every seek
#   stalled        the client read nothing for longer than the stall time-out
#   aborted        promised bytes could not be produced, so the connection was cut
Outcome = Literal["complete", "client_closed", "stalled", "aborted"]


# nginx's status for a client that disconnected before it was answered; it is only logged, never sent.
CLIENT_CLOSED_REQUEST: Final = 499


@dataclass(slots=True)
class Exchange:
    """A request and its response.

    `path` contains no query and no token. `promised` and `sent` count body bytes of the byte route.
    `status` is CLIENT_CLOSED_REQUEST until the response's status is known. `quota` holds the rate limit's header
    fields. `started` is a time of `time.perf_counter`, and `seconds` the time from then to the end of the response.
    `by_key` says that the response depends on an API key, `key_id` which key admitted the request.
    """

    request_id: str
    route: str
    method: str
    path: str
    remote: str | None
    range: str | None
    started: float
    principal: str | None = None
    quota: Mapping[str, str] | None = None
    storage: str | None = None
    status: int = CLIENT_CLOSED_REQUEST
    promised: int = 0
    sent: int = 0
    outcome: Outcome = "complete"
    seconds: float = 0.0
    by_key: bool = False
    key_id: int | None = None


EXCHANGE: Final = web.RequestKey("exchange", Exchange)

X_REQUEST_ID: Final = istr("X-Request-Id")
_ID: Final = re.compile(r"(?!-+\Z)[0-9A-Za-z-]{1,64}")
MAX_PATH_CHARACTERS: Final = 512
# A signature and the random part of a key have 43 characters of base64url; ids, routes and meeting codes are shorter.
_SECRET: Final = re.compile(r"up_|lk_|[A-Za-z0-9_-]{40}", re.IGNORECASE)
_DECODINGS: Final = 4
_process_id: Final = secrets.token_hex(4)
_numbers: Final = count(1)


def new_exchange(request: web.Request, route: str, path: str) -> Exchange:
    """Make the request's exchange and store it in the request; `path` is what the log may show.

    Its id is the client's `X-Request-Id` if that is short and plain, else a new one.
    """
    headers = request.headers
    given = headers.get(X_REQUEST_ID)
    exchange = request[EXCHANGE] = Exchange(
        given if given and is_request_id(given) else new_request_id(),
        route,
        request.method,
        path,
        request.remote,
        headers.get(hdrs.RANGE),
        time.perf_counter(),
    )
    return exchange


def is_request_id(text: str) -> bool:
    """Whether a client's `X-Request-Id` is short and plain enough to be echoed and logged."""
    return _ID.fullmatch(text) is not None


def new_request_id() -> str:
    """Eight hexadecimal digits that identify this process, then a counter."""
    return f"{_process_id}{next(_numbers):08x}"


def shown_path(path: str) -> str:
    """The path as the log may show it: a segment that may contain a secret becomes `***`.

    A token is recognised in any spelling: upper or lower case, percent-encoded once or several times, in a path that
    no route has, or after a misplaced `?`. At most MAX_PATH_CHARACTERS are shown.
    """
    decoded = path
    for _ in range(_DECODINGS):
        again = unquote(decoded, errors="replace")
        if again == decoded:
            break
        decoded = again
    if _SECRET.search(decoded):
        path = "/".join("***" if _SECRET.search(segment) else segment for segment in decoded.split("/"))
    if len(path) > MAX_PATH_CHARACTERS:
        path = f"{path[:MAX_PATH_CHARACTERS]}..."
    return path
