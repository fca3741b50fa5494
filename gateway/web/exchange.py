"""One request and its answer, as the access log and the metrics will tell it.

Knows: what is worth telling. Refuses to know: how anything is decided. Whoever lets a request in makes one and
puts it under `request[EXCHANGE]`, the only request key of the house; whoever learns something writes it in.
"""

import re
import secrets
import time
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

from aiohttp import hdrs, web
from multidict import istr

from gateway.web.access.rate_limits import Quota

# What became of an answer:
#   complete       every promised byte was handed to the kernel
#   client_closed  the client left first: normal, browsers do it at every seek
#   stalled        the client stopped reading for longer than it may
#   aborted        promised bytes could not be produced, so the connection was cut
Outcome = Literal["complete", "client_closed", "stalled", "aborted"]


# nginx's number for a client that left before there was an answer; it never goes over the wire.
CLIENT_CLOSED_REQUEST: Final = 499


@dataclass(slots=True)
class Exchange:
    """`path` is shown in the log: no query, no token. `promised` and `sent` count body bytes of the byte route.

    `status` is CLIENT_CLOSED_REQUEST until a head was decided; `quota` is what the key has left, where requests are counted;
    `started` and `seconds` (until the end of the answer) are on the clock of `time.perf_counter`.
    """

    request_id: str
    route: str
    method: str
    path: str
    remote: str | None
    range: str | None
    started: float
    principal: str | None = None
    quota: Quota | None = None
    storage: str | None = None
    status: int = CLIENT_CLOSED_REQUEST
    promised: int = 0
    sent: int = 0
    outcome: Outcome = "complete"
    seconds: float = 0.0


EXCHANGE: Final = web.RequestKey("exchange", Exchange)

X_REQUEST_ID: Final = istr("X-Request-Id")
_ID: Final = re.compile(r"(?!-+\Z)[0-9A-Za-z-]{1,64}")
_process_id: Final = secrets.token_hex(4)
_numbers: Final = count(1)


def new_exchange(request: web.Request, route: str, path: str) -> Exchange:
    """The request's exchange, put where handlers find it; `path` as the log may show it.

    Its id is the client's own where that is short and plain, else a new one.
    """
    headers = request.headers
    given = headers.get(X_REQUEST_ID)
    exchange = request[EXCHANGE] = Exchange(
        given if given and _ID.fullmatch(given) else new_request_id(),
        route,
        request.method,
        path,
        request.remote,
        headers.get(hdrs.RANGE),
        time.perf_counter(),
    )
    return exchange


def new_request_id() -> str:
    """This process's, and a number."""
    return f"{_process_id}{next(_numbers):08x}"
