"""Whose recordings are meant, and what may be done with them.

Knows: users by their number, live and test, scopes. Refuses to know: keys, and how anybody proves who they are.
"""

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """What a key may do."""

    RECORDINGS_READ = "recordings:read"
    RECORDINGS_WRITE = "recordings:write"
    TRANSCRIPTIONS_READ = "transcriptions:read"


ALL_SCOPES: frozenset[Scope] = frozenset(Scope)


class Owner(NamedTuple):
    """A user's live data, or the same user's test data: two worlds that never see each other."""

    user_id: int
    live: bool = True
