"""Computes how far a read requests ahead of its reader, and the size of its windows. Pure.

The read-ahead limit is the number of bytes that may be requested from S3 and not yet taken by the reader. It starts at
`window_initial_bytes` and grows with what the reader takes, up to what the reader takes in one second, and never over
`window_max_bytes`: a player that disconnects soon has cost little more than it took, and a slow reader occupies little
memory. A read that ends before the end of the object will probably be taken whole, so its limit starts at its length.
Near S3 the limit is one request, or two for a client that may disconnect. Far from S3 it is `parallel_requests`
requests, since one connection to a far S3 is slow however large its request.

Most clients that read to the end seek away soon, and near S3 a request costs them a millisecond. Until such a reader
has taken CAUTIOUS_BYTES, the limit therefore does not grow, and the next window is requested late. A reader that goes on
is probably a download: the limit then grows by all that it has taken, because a request near S3 takes as long as a MiB
of its body, and fewer, larger ones are faster.
"""

from typing import Final

from storage_adapters.storage_options import MIB, S3Options

PACE_SECONDS: Final = 1.0
CAUTIOUS_BYTES: Final = 2 * MIB
"""More than players take before they seek, and what waits in the sockets to them."""


def first_limit(options: S3Options, length: int, *, is_to_the_end: bool) -> int:
    """The read-ahead limit at the start of a read of `length` bytes."""
    initial = options.window_initial_bytes
    if is_to_the_end and length > 2 * initial:
        return initial
    return max(initial, min(length, options.window_max_bytes))


def following_limit(options: S3Options, limit: int, *, taken: int, seconds: float, is_far: bool) -> int:
    """The next read-ahead limit, after the reader took this many bytes in this many seconds.

    It grows by what was taken; far from S3 by half of that, since there the limit grows from the first window on.
    """
    grown = min(limit + (taken // 2 if is_far else taken), options.window_max_bytes)
    if seconds * grown > PACE_SECONDS * taken:
        grown = int(PACE_SECONDS * taken / seconds)
    return max(options.window_initial_bytes, grown)


def window_bytes(options: S3Options, limit: int, *, is_far: bool, is_to_the_end: bool) -> int:
    """The size of one request: near S3 the limit, or half of it for a client that may disconnect."""
    requests = options.parallel_requests if is_far else 1 + is_to_the_end
    return max(options.window_initial_bytes, limit // requests)


def is_cautious(taken: int, *, is_far: bool, is_to_the_end: bool) -> bool:
    """Whether little is requested ahead of a reader that has taken this many bytes."""
    return is_to_the_end and taken < CAUTIOUS_BYTES and not is_far


def is_within_limit(limit: int, ahead: int, window: int, *, is_cautious: bool) -> bool:
    """Whether to request a window now, with this many bytes ahead of the reader: if half of it is within the limit.

    So the second window is requested when the reader has taken half of the first one; three quarters if `is_cautious`.
    """
    return ahead + (window * 3 // 4 if is_cautious else window // 2) <= limit
