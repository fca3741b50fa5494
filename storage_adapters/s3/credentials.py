"""The credentials for S3, renewed while the gateway runs.

The SDK refreshes credentials with an expiry before they expire. Any others are looked up again when S3 refuses them,
because a file or the instance's metadata may have new ones: at most once in `RENEW_PAUSE_SECONDS`, however many readers
were refused.
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
    """The SDK's credentials, in a wrapper that replaces them for all clients together."""

    def __init__(self, find: Find, now: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._now = now
        self._found: AioCredentials | None = None
        self._renewed_at: float | None = None
        self._lock = asyncio.Lock()

    async def load_credentials(self) -> "RenewableCredentials":
        """The SDK's interface of a credential provider: this object is also the credentials."""
        return self

    async def get_frozen_credentials(self) -> "ReadOnlyCredentials":
        """The credentials to sign with now. Raises NoCredentialsError if there are none."""
        if self._found is None:
            self._found = await self._find()
        if self._found is None:
            raise NoCredentialsError
        return await self._found.get_frozen_credentials()

    async def get_account_id(self) -> None:
        """The account id by which the SDK may choose an endpoint: none, as S3's endpoints depend on no account."""

    def get_deferred_property(self, name: str) -> Callable[[], Awaitable[None]]:  # noqa: ARG002 - always the account
        """The same as a function, which the SDK calls when it needs the account id."""
        return self.get_account_id

    async def renew(self, refused: "ReadOnlyCredentials") -> bool:
        """Look for other credentials than the refused ones; True if there are any now."""
        async with self._lock:
            if await self.get_frozen_credentials() != refused:
                return True
            if self._renewed_at is not None and self._now() - self._renewed_at < RENEW_PAUSE_SECONDS:
                return False
            self._renewed_at = self._now()
            self._found = await self._find() or self._found
            return bool(await self.get_frozen_credentials() != refused)


def find_credentials(options: S3Options) -> Find:
    """The function that finds credentials: the settings' own, or else a new run of the SDK's default chain."""
    if options.access_key_id is None:
        return lambda: AioSession().get_credentials()
    secret, token = (each and each.get_secret_value() for each in (options.secret_access_key, options.session_token))
    given = AioCredentials(options.access_key_id, secret, token)

    async def find() -> AioCredentials:
        return given

    return find
