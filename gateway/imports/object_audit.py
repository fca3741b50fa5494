"""Reads stored objects again and compares them with the catalogue (`seekgate verify`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from gateway.catalog import MediaFile, NewMedia
from gateway.catalog.media_audit import MediaAudit
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.prober import Prober, is_remote
from gateway.storage import Storage, storage_named
from gateway.uploads.verification import new_media
from storage_adapters.base import ObjectNotFound, ObjectStat, StorageError

# Durations that differ by less count as equal: containers round them.
_SECONDS: Final = 0.05

State = Literal["same", "differs", "missing", "unreadable", "changed meanwhile"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one media file: `differences` are (recorded, found) by field, `reason` is why it is unreadable."""

    media: MediaFile
    state: State
    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ObjectAudit:
    """Reads objects again. With `mend`, corrects the catalogue where it differs."""

    audit: MediaAudit
    storages: Mapping[str, Storage]
    prober: Prober
    mend: bool

    async def examine(self, media: MediaFile) -> Finding:
        """Read the media file's object and compare it with the catalogue. Raises Refusal."""
        try:
            adapter = storage_named(self.storages, media.storage, media.object_key).adapter
            async with adapter.open(media.object_key) as stored:
                found = await self.prober.probe(stored, remote=is_remote(adapter))
                facts = _facts(media, found, stored.stat)
        except ObjectNotFound:
            return Finding(media, "missing")
        except (NotMedia, StorageError) as error:
            return Finding(media, "unreadable", reason=str(error))
        differences = _differences(media, facts)
        if not differences:
            return Finding(media, "same")
        if self.mend and not await self.audit.correct_media(media, facts):
            return Finding(media, "changed meanwhile")
        return Finding(media, "differs", differences)


def _facts(media: MediaFile, found: MediaFacts, measured: ObjectStat) -> NewMedia:
    """The facts to record: those just found, and metadata that only the catalogue has."""
    kept = {name: value for name, value in (media.metadata or {}).items() if name != "warning"}
    seconds = found.duration_seconds
    return replace(
        new_media(media.storage, media.object_key, found, measured),
        # The upload may have read the whole object for its duration, for which this probe's budget does not suffice.
        duration_seconds=media.duration_seconds if seconds is None and media.etag == measured.etag else seconds,
        metadata={**kept, **found.metadata},
    )


def _differences(media: MediaFile, facts: NewMedia) -> dict[str, tuple[Any, Any]]:
    names = ("type", "format", "content_type", "size", "etag", "duration_seconds", "metadata")
    pairs = {name: (getattr(media, name), getattr(facts, name)) for name in names}
    pairs["missing"] = (media.missing_at is not None, False)
    return {name: (was, now) for name, (was, now) in pairs.items() if not _is_same(was, now)}


def _is_same(was: Any, now: Any) -> bool:
    if isinstance(was, float | int) and isinstance(now, float):
        return abs(was - now) < _SECONDS
    return bool((was or None) == (now or None))
