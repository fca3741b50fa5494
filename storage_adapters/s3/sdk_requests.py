"""The SDK's clients, and the requests made with them: all except reads of bytes.

One client sends requests to the endpoint that this process reaches; one signs URLs for the endpoint that browsers
reach. Both are replaced when S3 says that the bucket is in another region.
"""

import asyncio
import base64
import hashlib
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]

from storage_adapters.base import AccessDenied, StorageUnavailable
from storage_adapters.s3.credentials import RenewableCredentials, find_credentials
from storage_adapters.s3.error_codes import translated
from storage_adapters.s3.shared_limits import Budget
from storage_adapters.storage_options import S3Options

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_log: Final = logging.getLogger(__name__)

KEEPALIVE_SECONDS: Final = 12
"""Amazon closes an idle connection after about 20 s; we close ours earlier."""

Response = TypeVar("Response")


class S3Clients:
    """`direct` sends requests; `public` only signs URLs. `verify` is that of `trusted_certificates`."""

    direct: "S3Client"
    public: "S3Client"

    def __init__(self, options: S3Options, session: AioSession, stack: AsyncExitStack) -> None:
        self.credentials = RenewableCredentials(find_credentials(options))
        self.verify = trusted_certificates(options, session)
        self.region: str = options.region or session.get_config_variable("region") or "us-east-1"
        self._options = options
        self._session = session
        self._stack = stack
        self._lock = asyncio.Lock()
        session.register_component("credential_provider", self.credentials)

    async def use_region(self, region: str) -> None:
        """Send requests to this region from now on, and sign for it."""
        async with self._lock:
            if region != self.region:
                _log.warning("the bucket is in another region than configured", extra={"region": region})
                self.region = region
                await self.open()

    async def open(self) -> None:
        """Create the clients of the region; the stack closes them."""
        direct_url, public_url = self._options.endpoint_url, self._options.public_endpoint_url
        self.direct = await self._client(direct_url)
        self.direct.meta.events.register("before-call.s3.DeleteObjects", add_content_md5)
        self.public = self.direct if public_url is None else await self._client(public_url)

    async def _client(self, endpoint_url: str | None) -> "S3Client":
        client: S3Client = await self._stack.enter_async_context(
            self._session.create_client(
                "s3",
                endpoint_url=endpoint_url,
                region_name=self.region,
                verify=self.verify,
                config=client_config(self._options),
            )
        )
        return client


async def open_clients(options: S3Options, stack: AsyncExitStack) -> S3Clients:
    """Create the clients; the stack closes them."""
    clients = S3Clients(options, AioSession(), stack)
    await clients.open()
    return clients


def client_config(options: S3Options) -> AioConfig:
    """The SDK's configuration. Checksums only where S3 requires them: compatible servers fail on the newer defaults."""
    # At Amazon, `auto` would presign for the global endpoint, which redirects. `virtual` uses the region's endpoint,
    # and path style for a bucket whose name does not fit a host name.
    at_amazon = options.endpoint_url is None and options.addressing_style == "auto"
    return AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "virtual" if at_amazon else options.addressing_style},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": options.retries + 1},
        connect_timeout=options.connect_timeout_seconds,
        read_timeout=options.read_timeout_seconds,
        max_pool_connections=options.max_connections,
        connector_args={"keepalive_timeout": KEEPALIVE_SECONDS},
        proxies={},
    )


def trusted_certificates(options: S3Options, session: AioSession) -> str | bool:
    """The file of certificates to trust: the option's, the SDK setting's or the system's.

    True means the SDK's own certificates; False disables the check.
    """
    if not options.verify_tls:
        return False
    configured = str(options.ca_bundle) if options.ca_bundle else session.get_config_variable("ca_bundle")
    return configured or ssl.get_default_verify_paths().cafile or True


def add_content_md5(params: dict[str, Any], **_: object) -> None:
    """Add Content-MD5: older compatible servers refuse DeleteObjects without it, whatever newer checksum it carries."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


class SdkRequests:
    """Sends requests with the SDK, over connections that count against the limit shared with reads."""

    def __init__(self, clients: S3Clients, connections: Budget, wait_seconds: float) -> None:
        self._clients = clients
        self.connections = connections
        self._wait_seconds = wait_seconds

    async def send(self, key: str, ask: Callable[["S3Client"], Awaitable[Response]]) -> Response:
        """Make a request and return S3's response; repeats it once if the credentials were refused and there are others.

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
