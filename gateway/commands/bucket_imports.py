"""What lies in a bucket into the catalogue, where it is: s3://bucket/prefix.

Knows: which storage a bucket belongs to, and that a few objects are looked at at once while the list is
still being read. Refuses to know: how an object is looked at.

The prefix is a plain one, as in the SDK's tools: s3://bucket/call finds call.mp3 and calls/1.mp3. An object that
is named and cannot be taken in makes the run fail; one that was only found and is not media is skipped.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, TypeVar

import click
from rich.progress import MofNCompleteColumn

from gateway.commands.import_report import ImportReport
from gateway.errors import Conflict
from gateway.imports.bucket_objects import ObjectIngest, find_objects
from gateway.imports.destination import Destination
from gateway.imports.files import NotImportable
from gateway.media.facts import NotMedia
from gateway.settings.load import Config
from storage_adapters.base import ListedObject, StorageError

LOOKS_AT_ONCE: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Url:
    """A bucket, and what the names in it start with."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Place:
    """The same as the gateway knows it: a storage, and what the keys in it start with; `root` is all it has."""

    url: S3Url
    root: S3Url
    storage: str
    prefix: str


def parse_s3_url(text: str) -> S3Url:
    """The URL's parts; names are not percent-encoded in it. Raises ValueError."""
    scheme, separator, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    if (scheme, separator) != ("s3", "://") or not bucket:
        raise ValueError(f"{text!r} is no address like s3://bucket/prefix")
    return S3Url(bucket, prefix)


def find_place(url: S3Url, config: Config, wanted: str | None) -> Place:
    """Where that is among the configured storages; `wanted` is the storage's name, None for the only one.

    Raises ClickException where no storage has it, or several do.
    """
    buckets = {name: S3Url(each.bucket, each.prefix) for name, each in config.storages.items() if each.kind == "s3"}
    found = {name: _rest(url, root) for name, root in buckets.items() if wanted in {None, name}}
    places = [Place(url, buckets[name], name, rest) for name, rest in found.items() if rest is not None]
    if len(places) == 1:
        return places[0]
    if places:
        raise click.ClickException(
            f"{url} lies in {', '.join(each.storage for each in places)}: choose one with --storage"
        )
    known = ", ".join(f"{name} ({root})" for name, root in buckets.items()) or "none"
    asked = f"the storage {wanted!r}" if wanted else "any storage"
    raise click.ClickException(f"{url} does not lie in {asked}; the configured buckets are: {known}")


def _rest(url: S3Url, root: S3Url) -> str | None:
    """What the keys start with, below the storage's own prefix; None where it lies elsewhere."""
    if url.bucket != root.bucket:
        return None
    if f"{url.prefix}/" == root.prefix:
        return ""
    return url.prefix.removeprefix(root.prefix) if url.prefix.startswith(root.prefix) else None


@dataclass(frozen=True, slots=True)
class BucketImports:
    """One run over a part of a bucket."""

    destination: Destination
    report: ImportReport

    async def run(self, place: Place) -> None:
        """Register everything. Raises StorageError if the bucket cannot be listed, Unavailable."""
        to = self.destination
        with self.report.progress(MofNCompleteColumn()) as progress:
            # Nobody knows how many there are before the last page of the list.
            task = progress.add_task("importing", total=None)
            ingest = ObjectIngest(to.catalog, to.storage, to.owner, to.prober, to.meeting)

            async def take(listed: ListedObject) -> None:
                await self._add(ingest, place, listed)
                progress.advance(task)

            if not await for_each(find_objects(to.storage, place.prefix), take, LOOKS_AT_ONCE):
                self.report.refuse(place.url, NotImportable("no object's name starts with this"), fails=True)

    async def _add(self, ingest: ObjectIngest, place: Place, listed: ListedObject) -> None:
        name = f"{place.root}{listed.key}"
        try:
            media, new = await ingest.add(listed)
        except NotMedia as error:
            self.report.refuse(name, error, fails=listed.key == place.prefix)
        except (Conflict, StorageError) as error:
            self.report.refuse(name, error, fails=True)
        else:
            self.report.tell(name, media, new=new)


async def for_each(items: AsyncGenerator[T, None], work: Callable[[T], Awaitable[None]], at_once: int) -> int:
    """Do the work for each item, so many at once; how many there were. The first trouble ends it all."""
    count, free = 0, asyncio.Semaphore(at_once)

    async def take(item: T) -> None:
        try:
            await work(item)
        finally:
            free.release()

    try:
        async with aclosing(items), asyncio.TaskGroup() as group:
            async for item in items:
                await free.acquire()
                group.create_task(take(item))
                count += 1
    except BaseExceptionGroup as troubles:
        raise troubles.exceptions[0] from troubles
    return count
