"""The SDK's clients: one for the endpoint that we reach, one for the endpoint that browsers reach.

Knows: aiobotocore's settings. Refuses to know: keys and bytes.
"""

import base64
import hashlib
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]

from storage_adapters.s3.credentials import RenewableCredentials, find_credentials
from storage_adapters.storage_options import S3Options

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

KEEPALIVE_SECONDS = 12
"""Amazon closes an idle connection after about 20 s; ours are given up before."""


@dataclass(frozen=True, slots=True)
class S3Clients:
    """`direct` talks to S3; `public` only signs URLs. `verify` is a file of certificates, or False."""

    direct: "S3Client"
    public: "S3Client"
    credentials: RenewableCredentials
    verify: str | bool


async def open_clients(options: S3Options, stack: AsyncExitStack) -> S3Clients:
    """Clients that live as long as the stack."""
    session = AioSession()
    credentials = RenewableCredentials(find_credentials(options))
    session.register_component("credential_provider", credentials)
    verify = trusted_certificates(options, session)
    common = {
        "region_name": options.region or session.get_config_variable("region") or "us-east-1",
        "verify": verify,
        "config": client_config(options),
    }
    direct = await stack.enter_async_context(session.create_client("s3", endpoint_url=options.endpoint_url, **common))
    direct.meta.events.register("before-call.s3.DeleteObjects", add_content_md5)
    if options.public_endpoint_url is None:
        return S3Clients(direct, direct, credentials, verify)
    public = await stack.enter_async_context(
        session.create_client("s3", endpoint_url=options.public_endpoint_url, **common)
    )
    return S3Clients(direct, public, credentials, verify)


def client_config(options: S3Options) -> AioConfig:
    """Checksums only where S3 demands them: compatibles stumble over the SDK's newer defaults."""
    # At Amazon `auto` would presign for the global endpoint, which redirects; `virtual` means the region's,
    # and falls back to the path by itself for a bucket whose name does not fit a host name.
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
    """The certificates to trust: the setting's, the SDK's setting's, the system's, the SDK's own (True)."""
    if not options.verify_tls:
        return False
    configured: str | None = (options.ca_bundle and str(options.ca_bundle)) or session.get_config_variable("ca_bundle")
    return configured or ssl.get_default_verify_paths().cafile or True


def add_content_md5(params: dict[str, Any], **_: object) -> None:
    """DeleteObjects without Content-MD5 is refused by older compatibles, whatever newer checksum it carries."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
