"""Reads the environment variables that configure the storage of a Vexa deployment, with Vexa's own defaults.

    `STORAGE_BACKEND=minio MINIO_ENDPOINT=minio:9000 …`  →  `{"storages": {"minio": {…}}, "default_storage": "minio"}`

A Vexa deployment can therefore be replaced without new settings. Nothing is read unless STORAGE_BACKEND or MINIO_ENDPOINT
is set (Vexa's own default is minio). An empty variable counts as not set. The SDK itself reads credentials under Amazon's
names (AWS_ACCESS_KEY_ID, …).

    STORAGE_BACKEND   the storage backend that is configured and becomes default_storage
    local             LOCAL_STORAGE_DIR
    minio             MINIO_ENDPOINT, MINIO_SECURE, MINIO_PUBLIC_ENDPOINT, MINIO_BUCKET, MINIO_ACCESS_KEY,
                      MINIO_SECRET_KEY, AWS_REGION
    s3                S3_ENDPOINT, S3_SECURE, MINIO_PUBLIC_ENDPOINT, S3_BUCKET or MINIO_BUCKET, S3_ACCESS_KEY,
                      S3_SECRET_KEY, S3_REGION or AWS_REGION
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.settings.faults import SettingFault

SWITCH: Final = "STORAGE_BACKEND"
_ENDPOINTS: Final = {"endpoint_url", "public_endpoint_url"}


@dataclass(frozen=True, slots=True)
class _Backend:
    """Setting → the variables that give it, of which the first one that is set counts.

    `fixed` are our own settings, `defaults` are Vexa's. `secure` is a variable and its default: whether an endpoint
    without a scheme is https.
    """

    variables: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, str]
    defaults: Mapping[str, str]
    secure: tuple[str, str] = ("MINIO_SECURE", "false")


_BACKENDS: Final[Mapping[str, _Backend]] = {
    "local": _Backend({"root": ("LOCAL_STORAGE_DIR",)}, {"kind": "local"}, {"root": "/tmp/vexa-recordings"}),  # noqa: S108 - where Vexa's files are
    "minio": _Backend(
        {
            "endpoint_url": ("MINIO_ENDPOINT",),
            "public_endpoint_url": ("MINIO_PUBLIC_ENDPOINT",),
            "bucket": ("MINIO_BUCKET",),
            "access_key_id": ("MINIO_ACCESS_KEY",),
            "secret_access_key": ("MINIO_SECRET_KEY",),
            "region": ("AWS_REGION",),
        },
        {"kind": "s3", "addressing_style": "path"},
        {"endpoint_url": "minio:9000", "bucket": "vexa-recordings", "region": "us-east-1"},
    ),
    "s3": _Backend(
        {
            "endpoint_url": ("S3_ENDPOINT",),
            "public_endpoint_url": ("MINIO_PUBLIC_ENDPOINT",),
            "bucket": ("S3_BUCKET", "MINIO_BUCKET"),
            "access_key_id": ("S3_ACCESS_KEY",),
            "secret_access_key": ("S3_SECRET_KEY",),
            "region": ("S3_REGION", "AWS_REGION"),
        },
        {"kind": "s3"},
        {"bucket": "vexa-recordings", "region": "us-east-1"},
        ("S3_SECURE", "true"),
    ),
}


@dataclass(frozen=True, slots=True)
class VexaEnvironment:
    """The settings from Vexa's variables; `sources` maps each setting to its variable."""

    document: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[SettingFault, ...] = ()


def read_vexa(variables: Mapping[str, str]) -> VexaEnvironment:
    """Read the settings from Vexa's variables; empty if neither STORAGE_BACKEND nor MINIO_ENDPOINT is set."""
    name = variables.get(SWITCH) or ("minio" if variables.get("MINIO_ENDPOINT") else "")
    if not name:
        return VexaEnvironment()
    backend = _BACKENDS.get(name)
    if backend is None:
        return VexaEnvironment(faults=(SettingFault("default_storage", repr(name), ", ".join(_BACKENDS), SWITCH),))
    given = _given(backend, variables)
    values = {setting: variables[variable] for setting, variable in given.items()}
    secure = _first((backend.secure[0],), variables)
    is_secure = (variables[secure] if secure else backend.secure[1]).lower() == "true"
    settings = {**backend.defaults, **values, **backend.fixed}
    sources = {f"storages.{name}.{setting}": variable for setting, variable in given.items()}
    return VexaEnvironment(
        {"storages": {name: _with_schemes(settings, "https" if is_secure else "http")}, "default_storage": name},
        sources | ({"default_storage": SWITCH} if variables.get(SWITCH) else {}),
    )


def _given(backend: _Backend, variables: Mapping[str, str]) -> dict[str, str]:
    """Setting → the variable that gives it, for the variables that are set."""
    found = {setting: _first(names, variables) for setting, names in backend.variables.items()}
    return {setting: variable for setting, variable in found.items() if variable is not None}


def _first(names: tuple[str, ...], variables: Mapping[str, str]) -> str | None:
    return next((name for name in names if variables.get(name)), None)


def _with_schemes(settings: Mapping[str, str], scheme: str) -> dict[str, str]:
    """The settings with complete URLs: Vexa also accepts `host:port`."""
    return {
        name: f"{scheme}://{text}" if name in _ENDPOINTS and "://" not in text else text
        for name, text in settings.items()
    }
