"""The accounts: who has keys and recordings, and how much of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class User:
    """An account. `keys` counts those that are valid now, `bytes` what its uploads and media files hold."""

    id: int
    email: str
    created_at: datetime
    keys: int
    recordings: int
    bytes: int


class Users(Protocol):
    """The accounts, for the command line: not owner-scoped, never for a request."""

    async def list_users(self) -> Sequence[User]:
        """Oldest first."""

    async def find_user(self, email: str) -> User | None:
        """The account with this address, compared without case."""

    async def delete_user(self, user_id: int) -> bool:
        """Delete the account with its keys, meetings and recordings, and queue every object; False if there is none.

        Its keys end first. The rest is one transaction, which takes about a minute for 100,000 recordings.
        """
