"""Requests made with the SDK: everything but the bytes.

Knows: connections, refused credentials, and one translation of errors. Refuses to know: what is asked.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from storage_adapters.base import AccessDenied, StorageUnavailable
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.clients import S3Clients
from storage_adapters.s3.error_codes import translated

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

Answer = TypeVar("Answer")


class SdkRequests:
    """Makes one request at a time per caller, over connections that the byte path shares."""

    def __init__(self, clients: S3Clients, connections: Budget, wait_seconds: float) -> None:
        self._clients = clients
        self.connections = connections
        self._wait_seconds = wait_seconds

    async def send(self, key: str, ask: Callable[["S3Client"], Awaitable[Answer]]) -> Answer:
        """S3's answer; asked twice if the credentials were refused and there are others.

        Raises StorageError about `key`.
        """
        credentials = self._clients.credentials
        async with self._connection(key):
            with translated(key):
                used = await credentials.get_frozen_credentials()
            try:
                with translated(key):
                    return await ask(self._clients.direct)
            except AccessDenied:
                with translated(key):
                    renewed = await credentials.renew(used)
                if not renewed:
                    raise
            with translated(key):
                return await ask(self._clients.direct)

    @asynccontextmanager
    async def _connection(self, key: str) -> AsyncGenerator[None, None]:
        try:
            await self.connections.take(1, least=1, wait_seconds=self._wait_seconds)
        except TimeoutError:
            raise StorageUnavailable(key, f"no connection to S3 was free for {self._wait_seconds} s") from None
        try:
            yield
        finally:
            self.connections.give(1)
