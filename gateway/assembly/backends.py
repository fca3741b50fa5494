"""Opens everything that a Config names: the database, the caches, the storage backends, the signing keys.

They are closed in the reverse order. The command line and the server both use this module.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.catalog import ApiKeys, RecordingCatalog, SigningSecrets
from gateway.db.cached_lookups import CHANNEL, CachedApiKeys, CachedRecordingCatalog, Changes, check_database, notify
from gateway.db.client_recordings import PgClientRecordings
from gateway.db.database import open_database
from gateway.db.deletions import PgDeletionQueue
from gateway.db.edits import PgRecordingEdits
from gateway.db.listener import listen
from gateway.db.media_audit import PgMediaAudit
from gateway.db.migrations import migrate
from gateway.db.reachability import Reachability
from gateway.db.search import PgRecordingSearch
from gateway.db.session_joins import PgSessionJoins
from gateway.db.session_uploads import PgSessionUploads
from gateway.db.share_links import PgShareLinks
from gateway.db.signing_keys import OwnSigningKey, PgSigningSecrets, load_own_key
from gateway.db.upload_reservations import PgUploadReservations
from gateway.db.upload_writers import PgUploadWriters
from gateway.db.uploads import PgUploads
from gateway.db.users import PgUsers
from gateway.media.prober import Prober
from gateway.media.waveform_cache import WaveformCache
from gateway.media.waveforms import Waveforms
from gateway.protocol.signing import Signer, SigningKey, SigningKeys
from gateway.protocol.upload_tokens import UploadTokens
from gateway.settings.load import Config
from gateway.settings.storages import LocalSettings
from gateway.settings.storages import Storage as StorageSettings
from gateway.storage import Storage
from storage_adapters import connect

_log: Final = logging.getLogger(__name__)

_RESTART_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Backends:
    """The open database, storage backends, keys and media tools."""

    catalog: RecordingCatalog
    recordings: PgClientRecordings
    search: PgRecordingSearch
    edits: PgRecordingEdits
    share_links: PgShareLinks
    media_audit: PgMediaAudit
    uploads: PgUploads
    upload_writers: PgUploadWriters
    upload_reservations: PgUploadReservations
    session_uploads: PgSessionUploads
    session_joins: PgSessionJoins
    api_keys: ApiKeys
    users: PgUsers
    deletions: PgDeletionQueue
    signer: Signer
    signing_secrets: SigningSecrets
    upload_tokens: UploadTokens
    storages: Mapping[str, Storage]
    prober: Prober
    waveforms: Waveforms
    check_database: Callable[[], Awaitable[str | None]]


@asynccontextmanager
async def open_backends(config: Config) -> AsyncGenerator[Backends]:
    """Open the database and the storage backends of the configuration, and close them when the block ends.

    Raises DatabaseUnavailable, StorageError, ValueError (unusable options) or OSError.
    """
    _make_data_dir(config)
    async with AsyncExitStack() as stack:
        url, pool = await stack.enter_async_context(open_database(config))
        await migrate(pool)
        secrets = PgSigningSecrets(pool)
        signing_keys, own = await _open_signing_keys(stack, config, secrets)
        reachability, grace = Reachability(), config.database.outage_grace_seconds
        catalog = CachedRecordingCatalog(pool, reachability, grace_seconds=grace)
        api_keys = CachedApiKeys(pool, reachability, grace_seconds=grace)
        changes = Changes(api_keys, catalog, reachability, own)
        await stack.enter_async_context(in_background(partial(listen, url, CHANNEL, changes, partial(notify, pool))))
        storages = await stack.enter_async_context(open_storages(config))
        yield Backends(
            catalog=catalog,
            recordings=PgClientRecordings(pool),
            search=PgRecordingSearch(pool),
            edits=PgRecordingEdits(pool),
            share_links=PgShareLinks(pool),
            media_audit=PgMediaAudit(pool),
            uploads=PgUploads(pool),
            upload_writers=PgUploadWriters(pool),
            upload_reservations=PgUploadReservations(pool),
            session_uploads=PgSessionUploads(pool),
            session_joins=PgSessionJoins(pool, catalog.forget_recording),
            api_keys=api_keys,
            users=PgUsers(pool),
            deletions=PgDeletionQueue(pool),
            signer=_signer(config, signing_keys),
            signing_secrets=secrets,
            upload_tokens=UploadTokens(signing_keys),
            storages=storages,
            prober=Prober(),
            waveforms=_open_waveforms(stack, config),
            check_database=partial(check_database, api_keys, reachability, grace),
        )


def _make_data_dir(config: Config) -> None:
    """Create data_dir if absent: mode 0700, or 0750 if the group may read the files of a local storage backend."""
    try:
        if config.data_dir.exists():
            return
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(isinstance(each, LocalSettings) and each.readable_by_group for each in config.storages.values()):
            config.data_dir.chmod(0o750)
    except OSError as error:
        reason = f"data_dir {str(config.data_dir)!r} cannot be created: {error.strerror}"
        raise OSError(
            error.errno, f"{reason}; set SEEKGATE_DATA_DIR to a folder that this user can write to"
        ) from error


@asynccontextmanager
async def open_storages(config: Config) -> AsyncGenerator[Mapping[str, Storage]]:
    """Every storage backend that the configuration names, by name.

    Raises StorageError, ValueError (unusable options) or OSError.
    """
    async with AsyncExitStack() as stack:
        yield {name: await _open_storage(stack, name, each) for name, each in config.storages.items()}


@asynccontextmanager
async def in_background(
    work: Callable[[], Awaitable[None]], *, restart_seconds: float = _RESTART_SECONDS
) -> AsyncGenerator[None]:
    """Run the work as a task until the block ends, then cancel it. Work that fails is logged and started again."""
    task = asyncio.create_task(_keep_running(work, restart_seconds))
    try:
        yield
    finally:
        task.cancel()
        # Not `await task`: a cancellation of the caller that arrives meanwhile would look like that of the task.
        await asyncio.wait([task])


async def _keep_running(work: Callable[[], Awaitable[None]], restart_seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - deletions or joins, for instance, must not end with one unexpected error
            _log.exception("background work failed")
        # Work that is cancelled may fail instead, for instance when it closes a connection.
        if (task := asyncio.current_task()) is None or task.cancelling():
            return
        await asyncio.sleep(restart_seconds)


async def _open_storage(stack: AsyncExitStack, name: str, settings: StorageSettings) -> Storage:
    adapter = await connect(settings.kind, settings.options())
    stack.push_async_callback(adapter.close)
    root = settings.root if isinstance(settings, LocalSettings) else None
    return Storage(name, settings.kind, adapter, root, getattr(settings, "redirect", False))


def _open_waveforms(stack: AsyncExitStack, config: Config) -> Waveforms:
    settings = config.waveforms
    cache = WaveformCache(settings.folder or config.data_dir / "waveforms", settings.max_total_bytes)
    waveforms = Waveforms(cache, max_concurrent=settings.max_concurrent, timeout_seconds=settings.timeout_seconds)
    stack.push_async_callback(waveforms.close)
    return waveforms


def _signer(config: Config, keys: SigningKeys) -> Signer:
    playback = config.playback
    return Signer(keys, expires_in_seconds=playback.expires_in_seconds, window_seconds=playback.window_seconds)


async def _open_signing_keys(
    stack: AsyncExitStack, config: Config, secrets: SigningSecrets
) -> tuple[SigningKeys, OwnSigningKey | None]:
    """The configured signing keys and None; or the generated key, and the OwnSigningKey that follows its rotation."""
    configured = [SigningKey(key.kid, key.secret.get_secret_value().encode()) for key in config.playback.signing_keys]
    if configured:
        return SigningKeys(configured), None
    keys = SigningKeys([await load_own_key(secrets)])
    own = OwnSigningKey(secrets, keys)
    await stack.enter_async_context(in_background(own.follow))
    return keys, own
