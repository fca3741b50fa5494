"""The credentials to use at S3, for as long as the gateway runs.

Credentials that carry an expiry are refreshed by the SDK before it. Any others are looked up again when S3 refuses
them, because a file or the instance's metadata may have new ones: at most once in `RENEW_PAUSE_SECONDS`, however many
readers were refused.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiobotocore.credentials import AioCredentials  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.exceptions import NoCredentialsError  # type: ignore[import-untyped]

from storage_adapters.storage_options import S3Options

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials  # type: ignore[import-untyped]

RENEW_PAUSE_SECONDS: Final = 10.0

Find = Callable[[], Awaitable[AioCredentials | None]]


class RenewableCredentials:
    """The SDK's credentials, which can be replaced for all clients together."""

    def __init__(self, find: Find, now: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._now = now
        self._found: AioCredentials | None = None
        self._renewed_at: float | None = None
        self._lock = asyncio.Lock()

    async def load_credentials(self) -> "RenewableCredentials":
        """What the SDK asks a credential provider for."""
        return self

    async def get_frozen_credentials(self) -> "ReadOnlyCredentials":
        """The credentials to sign with now. Raises NoCredentialsError if there are none."""
        if self._found is None:
            self._found = await self._find()
        if self._found is None:
            raise NoCredentialsError
        return await self._found.get_frozen_credentials()

    async def get_account_id(self) -> None:
        """What the SDK asks for to choose an endpoint; S3's depend on no account."""

    def get_deferred_property(self, name: str) -> Callable[[], Awaitable[None]]:  # noqa: ARG002 - it is always the account
        """The same, asked for later."""
        return self.get_account_id

    async def renew(self, refused: "ReadOnlyCredentials") -> bool:
        """True if there are other credentials now than the refused ones."""
        async with self._lock:
            if await self.get_frozen_credentials() != refused:
                return True
            if self._renewed_at is not None and self._now() - self._renewed_at < RENEW_PAUSE_SECONDS:
                return False
            self._renewed_at = self._now()
            self._found = await self._find() or self._found
            return bool(await self.get_frozen_credentials() != refused)


def find_credentials(options: S3Options) -> Find:
    """From the settings if they say, else from the SDK's default chain, anew each time."""
    if options.access_key_id is None:
        return lambda: AioSession().get_credentials()
    given = AioCredentials(options.access_key_id, options.secret_access_key, options.session_token)

    async def find() -> AioCredentials:
        return given

    return find
