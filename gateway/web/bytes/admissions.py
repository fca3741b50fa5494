"""Who may read what: decided once, and again whenever anything changed that it was decided by.

Knows: both ways in (a key, a playback URL), the look-ups behind them, and how long their outcome holds. Refuses to
know: how keys and signatures are judged (`authentication`), and what is read.

A player seeks: the same path with the same credential, many times. What was decided of them is remembered for a
few seconds at most, and only while the epoch, which every change that is heard moves on, stays the same.
Refusals are never remembered here, and where requests are counted nothing is. Credentials stand here as they were
sent, in memory alone: an admission that was overtaken stays until CAPACITY others came.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from gateway.catalog import Epoch, MediaFile, RecordingCatalog, Scope
from gateway.storage import Storage, storage_named
from gateway.web.access.authentication import X_API_KEY, Authenticator
from gateway.web.bytes.representations import Prepared, Presentation
from gateway.web.exchange import Exchange
from gateway.web.media_files import Ids, find_uploaded, path_ids

CAPACITY: Final = 4096
HOLDS_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be read, how it looks, and where it lies.

    It holds until `until` (seconds since 1970) and while `epoch` is the number of the epoch; None: this once.
    """

    media: MediaFile
    prepared: Prepared
    storage: Storage
    principal: str | None
    until: float
    epoch: int | None
    by_key: bool


class Admissions:
    """Admits readers of the byte route.

    `cache_control_private` answers a key, `cache_control_signed` a playback URL.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalog: RecordingCatalog,
        storages: Mapping[str, Storage],
        epoch: Epoch,
        cache_control_private: str,
        cache_control_signed: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._catalog = catalog
        self._storages = storages
        self._epoch = epoch
        self._by_key = Presentation(cache_control_private, "inline")
        self._cache_control_signed = cache_control_signed
        self._now = now
        self._held: OrderedDict[tuple[str, str | None, str | None], Admission] = OrderedDict()

    async def admit(self, request: web.Request, exchange: Exchange, ids: Ids | None) -> Admission:
        """What the request may read; raises a Refusal, or StorageUnavailable.

        `ids` are the path's, None: they are still to be read from the route's match.
        """
        headers = request.headers
        asked = (request.raw_path, headers.get(X_API_KEY), headers.get(hdrs.AUTHORIZATION))
        held = self._held.get(asked)
        if held is not None and self.holds(held):
            exchange.principal = held.principal
            exchange.storage = held.storage.name
            exchange.by_key = held.by_key
            return held
        epoch = None if self._authenticator.counts_requests else self._epoch.number
        admission = await self._decide(request, exchange, ids, epoch)
        if epoch is not None:
            self._held[asked] = admission
            self._held.move_to_end(asked)
            if len(self._held) > CAPACITY:
                self._held.popitem(last=False)
        return admission

    def holds(self, admission: Admission) -> bool:
        """Whether it is still what would be decided now."""
        epoch = admission.epoch
        return epoch is not None and epoch == self._epoch.number and self._now() < admission.until

    async def _decide(self, request: web.Request, exchange: Exchange, ids: Ids | None, epoch: int | None) -> Admission:
        until = self._now() + HOLDS_SECONDS
        if self._authenticator.claims_signature(request):
            ids = ids or path_ids(request)
            playback = await self._authenticator.verify_playback(request, *ids)
            owner, until = playback.owner, min(until, playback.expires_at)
            presentation = Presentation(self._cache_control_signed, playback.disposition)
        else:
            key = await self._authenticator.judge_key(request, Scope.RECORDINGS_READ)
            owner, until = key.owner, min(until, key.expires_at.timestamp() if key.expires_at else until)
            ids = ids or path_ids(request)
            presentation = self._by_key
        media = await find_uploaded(self._catalog, owner, ids)
        exchange.storage = media.storage
        storage = storage_named(self._storages, media.storage, media.object_key)
        return Admission(
            media, Prepared(media, presentation), storage, exchange.principal, until, epoch, exchange.by_key
        )
