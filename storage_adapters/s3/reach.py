"""A reader's reach: how much may be asked of S3 and not yet taken by the reader, and in which pieces. Pure.

Knows: sizes and pace. Refuses to know: requests, memory, clocks.

It begins with `window_initial_bytes`, in one request. It grows by half of what the reader takes, up to what the
reader takes in `REACH_SECONDS` at its pace, and never over `window_max_bytes`: a player that leaves has cost
little more than it took, and a slow reader holds little. It is split into `parallel_requests`, since one connection
to a far S3 is slow however large its request.
"""

from typing import Final

from storage_adapters.storage_options import S3Options

REACH_SECONDS: Final = 1.0


def following_reach(options: S3Options, reach: int, *, taken: int, seconds: float) -> int:
    """The reach of a reader that took so many bytes in so many seconds, in bytes."""
    grown = min(reach + taken // 2, options.window_max_bytes)
    if seconds * grown > REACH_SECONDS * taken:
        grown = int(REACH_SECONDS * taken / seconds)
    return max(options.window_initial_bytes, grown)


def window_bytes(options: S3Options, reach: int) -> int:
    """The size of one request."""
    return max(options.window_initial_bytes, reach // options.parallel_requests)


def is_within_reach(reach: int, ahead: int, window: int) -> bool:
    """Whether to ask for a window now, with so many bytes ahead of the reader: half of it lies within reach.

    So the second window is asked for when the reader comes back for the second half of the first one.
    """
    return ahead + window // 2 <= reach
