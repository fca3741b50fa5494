"""The range and the conditions of a request (gateway/protocol/conditional.py)."""

from typing import Final

from aiohttp import hdrs
from multidict import CIMultiDictProxy

from gateway.protocol.conditional import Conditions

# In the order of Conditions.
_FIELDS: Final = (
    hdrs.RANGE,
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
    hdrs.IF_RANGE,
)


def conditions_of(headers: CIMultiDictProxy[str]) -> Conditions:
    """The fields as they were sent, repeated lines joined (RFC 9110 section 5.3)."""
    return Conditions(*[", ".join(lines) if (lines := headers.getall(name, None)) else None for name in _FIELDS])
