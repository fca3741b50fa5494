"""The section `server`: addresses, processes, TLS, and how connections end."""

import os
from typing import Annotated

from pydantic import Field, FilePath, ValidationInfo, field_validator

from gateway.settings.field_types import Host, Port
from storage_adapters.storage_options import Count, HttpUrl, Seconds, Section


def _cores() -> int:
    """The number that this process may run on, where the system reports it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ServerSettings(Section):
    """Where the gateway listens, with how many processes, and how it stops."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    workers: Annotated[Count, Field(le=256)] | None = None
    public_url: HttpUrl | None = None
    admin_host: Host = "127.0.0.1"
    admin_port: Port | None = None
    tls_certificate: FilePath | None = None
    tls_key: FilePath | None = None
    max_client_connections: Count = 12_000
    keepalive_timeout_seconds: Seconds = 75
    drain_timeout_seconds: Seconds = 20

    @field_validator("workers")
    @classmethod
    def _workers_share_a_port(cls, workers: int | None, seen: ValidationInfo) -> int | None:
        if workers is not None and workers > 1 and seen.data.get("port") == 0:
            raise ValueError("1 while port is 0: workers share one known port")
        return workers

    @field_validator("tls_key")
    @classmethod
    def _key_with_certificate(cls, key: FilePath | None, seen: ValidationInfo) -> FilePath | None:
        if "tls_certificate" in seen.data and (key is None) != (seen.data["tls_certificate"] is None):
            raise ValueError("both tls_certificate and tls_key, or neither")
        return key

    @property
    def worker_count(self) -> int:
        """How many workers there are: the setting, else one for each core that this process may run on."""
        if self.workers is not None:
            return self.workers
        return 1 if self.port == 0 else _cores()

    def base_url(self, port: int) -> str:
        """The URL at which clients reach the gateway, without a slash at its end; `port` is the bound one."""
        if self.public_url:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
