"""The sections of the configuration, each setting with its default. `config.yaml` describes each setting.

A check of several settings is a validator of one of them, never of the section, so that one fault hides no other.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from gateway.settings import field_types
from gateway.settings.server_section import ServerSettings
from gateway.settings.storages import S3Settings, Storage
from storage_adapters.storage_options import Count, Folder, PresignSeconds, Seconds, Section, at_least


class DatabaseSettings(Section):
    """The catalogue's PostgreSQL."""

    url: field_types.DatabaseUrl = "embedded"
    listen_url: field_types.ServerUrl | None = None
    pool_min_size: Count = 1
    pool_max_size: Annotated[Count, at_least("pool_min_size")] = 10
    command_timeout_seconds: Seconds = 10
    outage_grace_seconds: field_types.Grace = 60


class SigningKeySettings(Section):
    """A key that signs playback URLs, named by `kid` in each URL."""

    kid: field_types.Word
    secret: field_types.Secret


class PlaybackSettings(Section):
    """The signed URLs that players use; without keys, the gateway creates one and stores it."""

    signing_keys: tuple[SigningKeySettings, ...] = ()
    expires_in_seconds: field_types.WholeSeconds = 14_400
    window_seconds: field_types.WholeSeconds = 3_600

    @field_validator("signing_keys")
    @classmethod
    def _one_key_per_kid(cls, keys: tuple[SigningKeySettings, ...]) -> tuple[SigningKeySettings, ...]:
        if len({key.kid for key in keys}) < len(keys):
            raise ValueError("a different kid for each key")
        return keys

    @field_validator("window_seconds")
    @classmethod
    def _window_inside_expiry(cls, seconds: int, seen: ValidationInfo) -> int:
        if seconds > seen.data.get("expires_in_seconds", seconds):
            raise ValueError("at most expires_in_seconds")
        return seconds


class DeliverySettings(Section):
    """How media are sent."""

    cache_control_private: field_types.CacheControl = "max-age=3600, private, no-transform"
    cache_control_signed: field_types.CacheControl = "max-age=3600, public, no-transform"
    max_ranges: Annotated[Count, Field(le=1000)] = 16
    stall_timeout_seconds: Seconds = 120
    max_concurrent_streams: Count = 10_000
    max_streams_per_key: Count = 1000
    pace: bool | Literal["webkit"] = "webkit"
    pace_burst_seconds: Seconds = 10
    pace_multiple: field_types.Multiple = 2.5
    fast_path: bool = True


class CorsSettings(Section):
    """The origins whose pages may read responses."""

    allowed_origins: tuple[field_types.Origin, ...] = ()


class SharingSettings(Section):
    """The pages of share links."""

    embed_origins: tuple[field_types.Origin, ...] = ()


class UploadSettings(Section):
    """What may be uploaded, and how long it may take."""

    max_file_bytes: field_types.ByteCount = 5_368_709_120
    max_media_per_recording: Count = 20
    max_total_bytes_per_account: field_types.ByteCount | None = None
    url_expires_in_seconds: PresignSeconds = 900
    abandoned_after_seconds: Annotated[field_types.WholeSeconds, at_least("url_expires_in_seconds")] = 86_400
    session_silence_seconds: field_types.WholeSeconds = 300
    stall_timeout_seconds: Seconds = 60
    least_bytes_per_second: Annotated[int, Field(ge=0)] = 500
    internal_secret: field_types.Secret | None = None
    internal_owner: Annotated[str, Field(min_length=1)] = "bots@localhost"


class RateLimitSettings(Section):
    """How many requests one key may send."""

    enabled: bool = True
    requests_per_minute: Count = 600
    burst: Count = 100
    byte_route: bool = False


class DeletionSettings(Section):
    """The queue of objects to delete."""

    poll_seconds: Seconds = 5
    lease_seconds: Seconds = 60
    batch: Count = 100
    backoff_initial_seconds: Seconds = 5
    backoff_max_seconds: Annotated[Seconds, at_least("backoff_initial_seconds")] = 3600


class WaveformSettings(Section):
    """The waveforms that players draw. Without a folder, they are cached in the data directory."""

    folder: Folder | None = None
    max_total_bytes: field_types.ByteCount = 67_108_864
    max_concurrent: Count = 1
    timeout_seconds: field_types.WholeSeconds = 900


class LoggingSettings(Section):
    """The messages that are logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = True


class Config(Section):
    """Every setting, checked. `load` fills in `data_dir` and the folders of the storage backends."""

    server: ServerSettings = ServerSettings()
    data_dir: Folder
    database: DatabaseSettings = DatabaseSettings()
    storages: dict[field_types.Word, Storage]
    default_storage: str = "local"
    playback: PlaybackSettings = PlaybackSettings()
    delivery: DeliverySettings = DeliverySettings()
    cors: CorsSettings = CorsSettings()
    sharing: SharingSettings = SharingSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    uploads: UploadSettings = UploadSettings()
    deletions: DeletionSettings = DeletionSettings()
    waveforms: WaveformSettings = WaveformSettings()
    logging: LoggingSettings = LoggingSettings()

    @property
    def media_sources(self) -> tuple[str, ...]:
        """Where clients that read media may be redirected, as sources of a Content-Security-Policy."""
        redirecting = (each for each in self.storages.values() if isinstance(each, S3Settings) and each.redirect)
        return tuple(storage.clients_source for storage in redirecting)

    @property
    def upload_sources(self) -> tuple[str, ...]:
        """Where pages send files besides the gateway, as sources of a Content-Security-Policy."""
        storage = self.storages[self.default_storage]
        return (storage.clients_source,) if isinstance(storage, S3Settings) else ()
