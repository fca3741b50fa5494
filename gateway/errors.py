"""Refusals: the noes that a client gets before the first byte.

Knows: what can be refused and in which words. Refuses to know: statuses and body shapes; each
dialect has one table for those. A refusal's text is public: no paths, no secrets, no causes.
"""


class Refusal(Exception):
    """A no to the client, in words the client may read."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(Refusal):
    """No key, or none that we know."""


class Forbidden(Refusal):
    """A good key that lacks the scope, or a playback URL that is expired or forged."""


class NotFound(Refusal):
    """It does not exist, or it belongs to someone else: the same answer."""


class Conflict(Refusal):
    """It clashes with what already exists; `faults` name the fields that do, where that is known."""

    def __init__(self, message: str, faults: tuple["Fault", ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class RateLimited(Refusal):
    """Too many requests of one key: the client should come back after `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Busy(Refusal):
    """Another request writes the same thing: the client should come back after `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Refusal):
    """It may work later: the client should come back after `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class BadUpstream(Refusal):
    """The storage behind us answered in a way that we cannot use."""


class Invalid(Refusal):
    """The request is malformed; `faults` name each field."""

    def __init__(self, faults: tuple["Fault", ...]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, fault.loc))}: {fault.msg}" for fault in faults))
        self.faults = faults


class Fault:
    """One thing wrong with one field: `type`, `loc` (path to it), `msg`, `input` (what was given)."""

    __slots__ = ("input", "loc", "msg", "type")

    def __init__(self, type: str, loc: tuple[str | int, ...], msg: str, input: object) -> None:
        self.type = type
        self.loc = loc
        self.msg = msg
        self.input = input
