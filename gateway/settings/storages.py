"""The settings of each kind of storage backend: the options of its adapter, and the gateway's own settings for it."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from storage_adapters.storage_options import LocalOptions, S3Options, Section


class _Storage(Section):
    """The settings of one storage backend."""

    kind: str

    def options(self) -> dict[str, Any]:
        """The adapter's options."""
        return self.model_dump(exclude={"kind", "redirect"})


class LocalSettings(LocalOptions, _Storage):
    """Files under a root directory; without a root, `media` in the data directory (`load` fills it in)."""

    kind: Literal["local"]


class S3Settings(S3Options, _Storage):
    """A bucket of Amazon S3 or a compatible server.

    Without a `cache_folder`, `slices` in the data directory (`load` fills it in). `redirect` is the gateway's own.
    """

    kind: Literal["s3"]
    redirect: bool = False

    @property
    def clients_source(self) -> str:
        """Where presigned URLs lead, as a source of a Content-Security-Policy."""
        endpoint = self.public_endpoint_url or self.endpoint_url
        if endpoint is None:
            return "https://*.amazonaws.com"
        parts = urlsplit(endpoint)
        # With virtual addressing the bucket's name is in front of the host.
        return f"{parts.scheme}://{parts.netloc} {parts.scheme}://*.{parts.netloc}"


class MemorySettings(_Storage):
    """Objects that end with the process: for trying things out."""

    kind: Literal["memory"]


class SyntheticSettings(_Storage):
    """Every object of the synthetic corpus (storage_adapters/synthetic.py): for load tests."""

    kind: Literal["synthetic"]


Storage = Annotated[LocalSettings | MemorySettings | S3Settings | SyntheticSettings, Field(discriminator="kind")]
