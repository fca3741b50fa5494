"""Refusals: the errors that a client gets instead of a response with content, before the first byte.

The dialects decide statuses and body shapes (gateway/web/dialects.py). A refusal's text is public: it contains no
paths, secrets or causes.
"""

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Refusal(Exception):
    """The request is refused; the client reads `message`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(Refusal):
    """The request has no API key, or an unknown one."""


class Forbidden(Refusal):
    """The key is valid but lacks the scope, or a signed URL is expired, forged or withdrawn."""


class NotFound(Refusal):
    """It does not exist, or it belongs to someone else: the response is the same."""


class Conflict(Refusal):
    """The request conflicts with what already exists; `faults` names the conflicting fields if they are known."""

    def __init__(self, message: str, *faults: "Fault") -> None:
        super().__init__(message)
        self.faults = faults


class Retryable(Refusal):
    """The client should retry after `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Retryable):
    """The key sent too many requests."""


class Busy(Retryable):
    """Another request writes the same thing."""


class Unavailable(Retryable):
    """The request may succeed later."""


class BadUpstream(Refusal):
    """The storage backend responded in a way that the gateway cannot use."""


class Invalid(Refusal):
    """The request is malformed; each of `faults` names a field."""

    def __init__(self, *faults: "Fault") -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, fault.loc))}: {fault.msg}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one field: `loc` is the path to it, `input` what was sent, if the response should repeat it."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: object = None


def require(found: T | None, what: str) -> T:
    """Return `found`. Raises NotFound if it is None; `what` names it in the message."""
    if found is None:
        raise NotFound(f"{what} not found")
    return found
