"""How far a read goes ahead of its reader, and in windows of which size. Pure.

How much may be requested of S3 and not yet taken by the reader is the read-ahead limit. It begins with
`window_initial_bytes`, grows by half of what the reader takes, up to what the reader takes in one second at its pace,
and never over `window_max_bytes`: a player that leaves has cost little more than it took, and a slow reader holds
little. A read that ends before the object does will be taken whole, so its limit begins with its length. Near S3 all
that is within the limit is one request, or two for a client that may leave; far from it `parallel_requests`, since
one connection to a far S3 is slow however large its request.
"""

from typing import Final

from storage_adapters.storage_options import S3Options

PACE_SECONDS: Final = 1.0


def first_limit(options: S3Options, length: int, *, is_to_the_end: bool) -> int:
    """The read-ahead limit that a read of `length` bytes begins with."""
    initial = options.window_initial_bytes
    if is_to_the_end and length > 2 * initial:
        return initial
    return max(initial, min(length, options.window_max_bytes))


def following_limit(options: S3Options, limit: int, *, taken: int, seconds: float) -> int:
    """The read-ahead limit of a reader that took this many bytes in this many seconds."""
    grown = min(limit + taken // 2, options.window_max_bytes)
    if seconds * grown > PACE_SECONDS * taken:
        grown = int(PACE_SECONDS * taken / seconds)
    return max(options.window_initial_bytes, grown)


def window_bytes(options: S3Options, limit: int, *, is_far: bool, is_to_the_end: bool) -> int:
    """The size of one request: near S3 all within the limit, or half of it for a client that may leave."""
    requests = options.parallel_requests if is_far else 1 + is_to_the_end
    return max(options.window_initial_bytes, limit // requests)


def is_within_limit(limit: int, ahead: int, window: int) -> bool:
    """Whether to request a window now, with this many bytes ahead of the reader: half of it is within the limit.

    So the second window is requested when the reader comes back for the second half of the first one.
    """
    return ahead + window // 2 <= limit
