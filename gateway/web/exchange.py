"""One request and its answer, as the access log and the metrics will tell it.

Knows: what is worth telling. Refuses to know: how anything is decided. `observe` makes one per request and
puts it under `request[EXCHANGE]`, the only request key of the house; whoever learns something writes it in.
"""

import secrets
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Literal

from aiohttp import web

from gateway.web.rate_limits import Quota

# What became of an answer:
#   complete       every promised byte was handed to the kernel
#   client_closed  the client left first: normal, browsers do it at every seek
#   stalled        the client stopped reading for longer than it may
#   aborted        promised bytes could not be produced, so the connection was cut
Outcome = Literal["complete", "client_closed", "stalled", "aborted"]


@dataclass(slots=True)
class Exchange:
    """`promised` and `sent` count body bytes of the byte route; `status` is None until a head was decided.

    `quota` is what the key has left, where requests are counted.
    """

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    principal: str | None = None
    quota: Quota | None = None
    storage: str | None = None
    status: int | None = None
    promised: int = 0
    sent: int = 0
    outcome: Outcome = "complete"

    @property
    def seconds(self) -> float:
        """Time since the request's head was read."""
        return time.perf_counter() - self.started


EXCHANGE: Final = web.RequestKey("exchange", Exchange)

_MAX_ID_LENGTH: Final = 64
_process_id: Final = secrets.token_hex(4)
_numbers: Final = count(1)


def request_id(given: str | None) -> str:
    """The client's own request id where it is short and plain, else a new one: this process's, and a number."""
    if given and len(given) <= _MAX_ID_LENGTH and given.isascii() and given.replace("-", "").isalnum():
        return given
    return f"{_process_id}{next(_numbers):08x}"
