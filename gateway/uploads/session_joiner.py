"""Joins a session's chunks into the file that plays. Any gateway process may do this, and any may repeat it.

    claim      one process holds the session's lease, and extends it while it works
    arrange    choose and order the chunks (session_arrangement)
    write      write one object, queued for deletion until it is published, unless a stored object already is the file
    verify     read and measure the object
    publish    in one transaction; from then on the rows of the chunks that the object contains name this object

If the process dies, the session becomes due again and the object that it wrote is deleted.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from gateway.catalog import MediaFile, NewMedia, Owner, SessionClaim, SessionFile, SessionJoins, SessionUploads
from gateway.errors import Conflict, Refusal
from gateway.media.facts import NotMedia
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.joiner import remuxed
from gateway.storage import Storage, storage_named
from gateway.uploads.joining.chunk_headers import OGG
from gateway.uploads.joining.join_plan import Join
from gateway.uploads.joining.ogg_chains import ogg_chain
from gateway.uploads.leases import extended
from gateway.uploads.session_arrangement import Arrangement, Arranger
from gateway.uploads.session_objects import expect_object, write_object
from gateway.uploads.verification import Verification, verified
from storage_adapters.base import StorageAdapter, StorageError
from storage_adapters.resumable import Composing, Resumable

LEASE_SECONDS: Final = 6.0
_WAIT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 10.0
# A storage backend that is read_only stays so until a person changes the settings.
_READ_ONLY_PAUSE_SECONDS: Final = 3600.0
_BATCH: Final = 20
# Each needs a process, which may have work for a quarter of an hour.
_MAX_CONCURRENT_REMUXES: Final = 2
# Wall-clock time; the process limits its own CPU time to a quarter of this.
_REMUX_SECONDS: Final = 3600.0

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a join: why no file plays (None if one does), and the refused chunks' ids with the reasons."""

    fault: str | None
    refused: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class SessionJoiner:
    """Claims sessions and joins them."""

    catalog: SessionUploads
    joins: SessionJoins
    storages: Mapping[str, Storage]
    verification: Verification
    remuxes: FairSemaphore = field(default_factory=lambda: FairSemaphore(_MAX_CONCURRENT_REMUXES), init=False)

    async def finish(self, media_file_id: int) -> Outcome | None:
        """Join the session, or wait at most _WAIT_SECONDS for the process that joins it.

        Returns None if this process did not join it. A failure is logged, and the session stays due.
        """
        outcome = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_SECONDS):
                while not await self.joins.is_joined(media_file_id):
                    claim = await self.joins.claim_session(media_file_id, lease_seconds=LEASE_SECONDS)
                    if claim is None:
                        await asyncio.sleep(_POLL_SECONDS)
                    elif (outcome := await self._try(claim)) is None:
                        return None
        return outcome

    async def run(self, poll_seconds: float) -> None:
        """Join the sessions that are due, until cancelled."""
        while True:
            try:
                found = await self.finish_due()
            except Refusal as refusal:
                _log.warning("the sessions that are due cannot be listed", extra={"cause": refusal.message})
                found = 0
            if found < _BATCH:
                await asyncio.sleep(poll_seconds)

    async def finish_due(self) -> int:
        """Join one batch of the sessions that are due and return how many were due. Raises Unavailable."""
        due = await self.joins.list_due_sessions(limit=_BATCH)
        for media_file_id in due:
            claim = await self.joins.claim_session(media_file_id, lease_seconds=LEASE_SECONDS)
            if claim is not None:
                await self._try(claim)
        return len(due)

    async def _try(self, claim: SessionClaim) -> Outcome | None:
        try:
            extend = partial(self.joins.extend_claim, claim, lease_seconds=LEASE_SECONDS)
            async with extended(extend, LEASE_SECONDS):
                return await self._join(claim)
        except Exception as trouble:  # noqa: BLE001 - the session stays due, and the others are joined
            _log.warning("a session could not be joined", extra={"media_file": claim.media.id, "cause": str(trouble)})
            pause = _READ_ONLY_PAUSE_SECONDS if isinstance(trouble, Conflict) else _RETRY_SECONDS
            with suppress(Refusal):
                await self.joins.postpone_session(claim, seconds=pause)
            return None

    async def _join(self, claim: SessionClaim) -> Outcome:
        adapter = storage_named(self.storages, claim.media.storage, claim.media.object_key).adapter
        await _publish_partial(adapter, claim)
        arranged = await Arranger(adapter, self.verification.prober, claim).arrange()
        file: SessionFile | None = None
        try:
            file, unreadable = await self._write(claim.owner, claim.media, adapter, arranged)
            fault = _incomplete(arranged, unreadable)
        except NotMedia as error:
            missing = f", and chunks {arranged.missing} did not arrive" if arranged.missing else ""
            fault = f"The {claim.media.type} cannot be played: {error}{missing}"
        await self.joins.publish_session(claim, file, fault)
        return Outcome(None if file is not None else fault, arranged.refused)

    async def _write(
        self, owner: Owner, media: MediaFile, adapter: StorageAdapter, arranged: Arrangement
    ) -> tuple[SessionFile, int]:
        """Store and verify the joined file; return it and how many of its parts could not be read.

        The file replaces its chunks only if it contains all of them. Raises NotMedia, Conflict or StorageError.
        """
        join = arranged.join
        if join is None:
            raise NotMedia("nothing arrived")
        key, unreadable = join.whole_object, 0
        if key is None:
            key = await expect_object(self.catalog, owner, media, adapter)
            unreadable = await self._store(owner, adapter, key, join)
        found = await self._verify(owner, replace(media, object_key=key), adapter, join)
        if arranged.missing:
            found = replace(found, metadata={**(found.metadata or {}), "missing_chunks": arranged.missing})
        if unreadable:
            found = replace(found, metadata={**(found.metadata or {}), "unreadable_parts": unreadable})
        whole = not arranged.missing and not arranged.refused and not unreadable
        contains = tuple(row for part in join.parts for row in part.chunks) if whole else ()
        return SessionFile(found, contains), unreadable

    async def _store(self, owner: Owner, adapter: StorageAdapter, key: str, join: Join) -> int:
        """Write the file and return the number of parts that could not be read and are not in it."""
        unreadable: list[int] = []
        if join.is_remuxed:
            most = self.verification.max_file_bytes
            chunks = remuxed(join.runs, report_unreadable=unreadable.append, max_bytes=most)
            async with self.remuxes.permit(owner.user_id):
                try:
                    async with asyncio.timeout(_REMUX_SECONDS), aclosing(chunks):
                        await write_object(adapter, key, chunks)
                except TimeoutError:
                    raise NotMedia(f"joining its files took longer than {_REMUX_SECONDS:g} seconds") from None
        elif join.container == OGG:
            async with aclosing(ogg_chain(join.runs)) as chunks:
                await write_object(adapter, key, chunks)
        elif isinstance(adapter, Composing):
            await adapter.compose(key, join.content.pieces)
        else:
            raise Conflict("The storage backend accepts no uploads through the gateway")
        return sum(unreadable)

    async def _verify(self, owner: Owner, media: MediaFile, adapter: StorageAdapter, join: Join) -> NewMedia:
        async with adapter.open(media.object_key) as stored:
            if not join.is_remuxed and stored.stat.size != join.content.stat.size:
                raise StorageError(media.object_key, f"has {stored.stat.size} bytes of {join.content.stat.size}")
            found = await self.verification.prober.probe(stored, owner.user_id)
        if found.type == "image":
            raise NotMedia(f"it is a picture ({found.content_type})")
        return verified(media, stored.stat, found)


def _incomplete(arranged: Arrangement, unreadable: int) -> str | None:
    """What the joined file lacks, as text for `error_message`; None if it lacks nothing and no file was left out."""
    words = [f"Chunks {arranged.missing} did not arrive"] if arranged.missing else []
    if unreadable:
        words.append(f"{unreadable} of the files that arrived cannot be joined; they are kept")
    return "; ".join([*words, *arranged.notes]) or None


async def _publish_partial(adapter: StorageAdapter, claim: SessionClaim) -> None:
    """Publish the partial object that an older gateway appended chunks to, without bytes that no row counts."""
    media = claim.media
    size = max((chunk.object_size for chunk in claim.chunks if chunk.object_key == media.object_key), default=0)
    if size and isinstance(adapter, Resumable) and await adapter.partial_size(media.object_key):
        async with adapter.append(media.object_key) as writer:
            await writer.truncate(size)
        await adapter.publish(media.object_key)
