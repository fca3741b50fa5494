"""Registers objects of a bucket where they are stored: s3://bucket/prefix.

The prefix is plain text, as in the SDK's tools: s3://bucket/call finds call.mp3 and calls/1.mp3. An object that is named
in full and cannot be imported makes the run fail; an object that was only found and is not media is skipped.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import click
from rich.progress import MofNCompleteColumn

from gateway.commands.bulk_work import MAX_CONCURRENT_PROBES, for_each, progress_bar
from gateway.commands.import_report import ImportReport
from gateway.imports.bucket_objects import ObjectImporter, find_objects
from gateway.imports.local_files import NotImportable
from gateway.imports.sessions import SessionImporter
from gateway.imports.vexa_tree import SessionFolder, SessionGroups
from gateway.settings.load import Config
from gateway.storage import Storage
from storage_adapters.base import ListedObject


@dataclass(frozen=True, slots=True)
class S3Url:
    """A bucket, and the prefix of the names in it."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """A URL as a storage backend and the beginning of its keys. `root` is the URL of the whole backend."""

    url: S3Url
    root: S3Url
    storage: str
    prefix: str


def parse_s3_url(text: str) -> S3Url:
    """The URL's parts; names are not percent-encoded in it. Raises ValueError."""
    scheme, separator, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    if (scheme, separator) != ("s3", "://") or not bucket:
        raise ValueError(f"{text!r} is not an address like s3://bucket/prefix")
    return S3Url(bucket, prefix)


def find_location(url: S3Url, config: Config, wanted: str | None) -> BucketLocation:
    """The configured storage backend that contains the URL; `wanted` is the backend's name, None for any.

    Raises ClickException if no backend contains it, or several do.
    """
    buckets = {name: S3Url(each.bucket, each.prefix) for name, each in config.storages.items() if each.kind == "s3"}
    found = {name: _rest(url, root) for name, root in buckets.items() if wanted in {None, name}}
    locations = [BucketLocation(url, buckets[name], name, rest) for name, rest in found.items() if rest is not None]
    if len(locations) == 1:
        return locations[0]
    if locations:
        raise click.ClickException(
            f"{url} is in {', '.join(each.storage for each in locations)}: choose one with --storage"
        )
    known = ", ".join(f"{name} ({root})" for name, root in buckets.items()) or "none"
    asked = f"the storage backend {wanted!r}" if wanted else "any storage backend"
    raise click.ClickException(f"{url} is not in {asked}; the configured buckets are: {known}")


def _rest(url: S3Url, root: S3Url) -> str | None:
    """The URL's prefix without the backend's own; None if the URL is not in the backend."""
    if url.bucket != root.bucket:
        return None
    if f"{url.prefix}/" == root.prefix:
        return ""
    return url.prefix.removeprefix(root.prefix) if url.prefix.startswith(root.prefix) else None


@dataclass(frozen=True, slots=True)
class BucketImports:
    """One run over a part of a bucket."""

    importer: ObjectImporter
    report: ImportReport

    async def run(self, location: BucketLocation) -> None:
        """Register all objects at the location. Raises Unavailable, or StorageError if the bucket cannot be listed."""
        with progress_bar(self.report.console, MofNCompleteColumn()) as progress:
            # The number of objects is known only after the last page of the list.
            task = progress.add_task("importing", total=None)
            sessions: SessionImporter[ListedObject] = SessionImporter(partial(replace, self.importer))

            async def take(entry: SessionFolder[ListedObject] | ListedObject) -> None:
                if isinstance(entry, ListedObject):
                    name, named = f"{location.root}{entry.key}", entry.key == location.prefix
                    await self.report.report_file(self.importer.add(entry), name, named=named)
                else:
                    await self.report.report_session(sessions.add_session(entry), entry.path, entry.count_pieces())
                progress.advance(task)

            if not await for_each(_grouped(self.importer.storage, location), take, MAX_CONCURRENT_PROBES):
                self.report.refuse(location.url, NotImportable("no object's name starts with this"), fails=True)


async def _grouped(
    storage: Storage, location: BucketLocation
) -> AsyncGenerator[SessionFolder[ListedObject] | ListedObject]:
    groups: SessionGroups[ListedObject] = SessionGroups()
    async with aclosing(find_objects(storage, location.prefix)) as objects:
        async for listed in objects:
            if listed.key == location.prefix:  # not part of a session: it is named in full
                yield listed
                continue
            for entry in groups.take(f"{location.root}{listed.key}", listed):
                yield entry
    for entry in groups.end():
        yield entry
