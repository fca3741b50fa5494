"""The settings of each kind of storage backend: the options of its adapter, and what the gateway itself does with it.

Names, defaults and limits are the adapter's own (`storage_adapters.storage_options`); here each of them becomes a
setting: text is converted to its type, and secrets are hidden.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, get_type_hints
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, ValidationInfo, create_model, field_validator

from gateway.settings.kinds import Folder, HttpUrl, Number, Section
from storage_adapters.storage_options import LocalOptions, S3Options, StorageOptions


class _Storage(Section):
    """The settings of one storage backend; `adapter_options` is the class of its adapter's options, None if it has none."""

    adapter_options: ClassVar[type[StorageOptions] | None] = None
    kind: str

    @field_validator("*")
    @classmethod
    def _within_limits(cls, value: Any, seen: ValidationInfo) -> Any:
        options = cls.adapter_options
        if options is not None and seen.field_name in {each.name for each in fields(options)}:
            plain = {name: _plain(given) for name, given in seen.data.items()}
            if allowed := options.fault(seen.field_name, _plain(value), plain):
                raise ValueError(allowed)
        return value

    def options(self) -> dict[str, Any]:
        """The adapter's options."""
        names = () if self.adapter_options is None else (each.name for each in fields(self.adapter_options))
        return {name: _plain(getattr(self, name)) for name in names}


class _LocalStorageSettings(_Storage):
    """Files under a root directory; without a root, `media` in the data directory (`load` fills it in)."""

    adapter_options = LocalOptions
    kind: Literal["local"]
    if TYPE_CHECKING:
        root: Path


class _S3StorageSettings(_Storage):
    """A bucket of Amazon S3 or a compatible server.

    Without a `cache_folder`, `slices` in the data directory (`load` fills it in). `redirect` is the gateway's own.
    """

    adapter_options = S3Options
    kind: Literal["s3"]
    redirect: bool = False
    if TYPE_CHECKING:
        bucket: str
        prefix: str
        endpoint_url: str | None
        public_endpoint_url: str | None

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


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


_BY_NAME: Final[Mapping[str, Any]] = {"ca_bundle": FilePath, "endpoint_url": HttpUrl, "public_endpoint_url": HttpUrl}
_BY_TYPE: Final[Mapping[Any, Any]] = {
    int: Annotated[int, Number],
    float: Annotated[float, Number, Field(allow_inf_nan=False)],
    Path: Folder,
}


def _with_options(settings: type[_Storage], options: type[StorageOptions], name: str) -> type[_Storage]:
    """The settings with one field for each option of the adapter."""
    hints = get_type_hints(options)
    made: dict[str, Any] = {}
    for each in fields(options):
        hint = hints[each.name]
        plain = next((kind for kind in (*_BY_TYPE, str) if hint in {kind, kind | None}), hint)
        kind = _BY_NAME.get(each.name) or _BY_TYPE.get(plain, plain if each.repr else SecretStr)
        is_optional = plain is not hint
        made[each.name] = (kind | None if is_optional else kind, ... if each.default is MISSING else each.default)
    return create_model(name, __base__=settings, __doc__=settings.__doc__, **made)


if TYPE_CHECKING:
    LocalStorage = _LocalStorageSettings
    S3Storage = _S3StorageSettings
else:
    LocalStorage = _with_options(_LocalStorageSettings, LocalOptions, "LocalStorage")
    S3Storage = _with_options(_S3StorageSettings, S3Options, "S3Storage")

Storage = Annotated[LocalStorage | MemorySettings | S3Storage | SyntheticSettings, Field(discriminator="kind")]
