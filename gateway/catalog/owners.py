"""The owner of data (a user's id, live or test) and the scopes of an API key."""

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """A permission of a key."""

    RECORDINGS_READ = "recordings:read"
    RECORDINGS_WRITE = "recordings:write"
    TRANSCRIPTIONS_READ = "transcriptions:read"


ALL_SCOPES: frozenset[Scope] = frozenset(Scope)


class Owner(NamedTuple):
    """A user's live data, or the same user's test data; neither is visible from the other."""

    user_id: int
    live: bool = True
