"""Bounds the memory of large responses that clients request but do not read.

Such a response stays in memory until the stall time-out. Files do not count: their bytes are shared (pages) or in the
page cache (media).
"""

from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import hdrs, web

LARGE_BYTES: Final = 64 * 1024
"""Smaller bodies do not count: the number of connections bounds them."""

MAX_UNREAD_BYTES: Final = 32 * 1024 * 1024
MAX_UNREAD_BYTES_OF_A_KEY: Final = 8 * 1024 * 1024


class UnreadResponses:
    """The large bodies that are held for clients: as many as the two limits allow, or a single one of any size."""

    def __init__(self) -> None:
        # Weak keys: a response that is dropped before it is written no longer counts.
        self._held: WeakKeyDictionary[web.StreamResponse, tuple[int | None, int]] = WeakKeyDictionary()

    def admit(self, response: web.StreamResponse, key_id: int | None) -> bool:
        """Hold the response for a client of this API key; False if too many bytes are held already."""
        body = response.body if isinstance(response, web.Response) else None
        # Only a page's file has a strong entity tag.
        is_file = response.headers.get(hdrs.ETAG, "W/")[:2] != "W/"
        if not isinstance(body, bytes) or len(body) < LARGE_BYTES or is_file:
            return True
        held = list(self._held.values())
        of_key = [size for key, size in held if key == key_id]
        if (of_key and sum(of_key) + len(body) > MAX_UNREAD_BYTES_OF_A_KEY) or (
            held and sum(size for _, size in held) + len(body) > MAX_UNREAD_BYTES
        ):
            return False
        self._held[response] = (key_id, len(body))
        return True

    def release(self, response: web.StreamResponse) -> None:
        """The client has taken the response, or has disconnected."""
        self._held.pop(response, None)
