"""Limits how long a cache may store a response (RFC 9111 section 5.2.2)."""

import re
from typing import Final

_LIFETIME: Final = re.compile(r"((?:max-age|s-maxage|stale-while-revalidate|stale-if-error)=)([0-9]+)", re.IGNORECASE)


def limit_lifetime(cache_control: str, seconds: int) -> str:
    """The Cache-Control value with no lifetime longer than `seconds` (0 for a negative number)."""
    longest = max(seconds, 0)
    return _LIFETIME.sub(lambda found: f"{found[1]}{min(int(found[2]), longest)}", cache_control)
