"""Prints the results of an import: a line for each media file, and for each that failed or was skipped, and a summary.

Media files go to standard output. Everything else, such as the progress bar, goes to standard error.
"""

from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

import click
from rich.console import Console

from gateway.catalog import MediaFile
from gateway.commands.options import print_json, printable
from gateway.errors import Conflict
from gateway.imports.local_files import NotImportable
from gateway.imports.sessions import SessionMedia
from gateway.media.facts import NotMedia
from gateway.protocol.byte_path import byte_path
from storage_adapters.base import StorageError


@dataclass(slots=True)
class ImportReport:
    """The counts of an import; `failures` are those that make the run fail."""

    as_json: bool
    added: int = 0
    known: int = 0
    skipped: int = 0
    failures: int = 0
    pieces: int = 0
    unfinished: int = 0
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def report(self, name: object, media: MediaFile, *, new: bool, note: str = "") -> None:
        """Print a media file that was added (`new`) or that the catalogue already had; `note` is a warning about it."""
        self.added, self.known = self.added + new, self.known + (not new)
        note = note or str((media.metadata or {}).get("warning", ""))
        if self.as_json:
            print_json(_line(media) | ({"note": note} if note else {}))
            return
        where = f"recording {media.recording_id} media {media.id}"
        line = (
            f"{'added' if new else 'known'}  {name}: {where} ({media.content_type}, {_minutes(media.duration_seconds)})"
        )
        click.echo(printable(f"{line}; {note}" if note else line))

    async def report_session(self, session: AsyncIterator[SessionMedia], name: str, pieces: int) -> None:
        """Print the media files of a session; a session that cannot be imported makes the run fail."""
        try:
            async for found in session:
                self.unfinished += bool(found.note)
                self.report(found.where, found.media, new=found.new, note=found.note)
            self.pieces += pieces
        except (NotMedia, NotImportable, Conflict, StorageError) as error:
            self.refuse(name, error, fails=True)

    async def report_file(
        self, file: Coroutine[Any, Any, tuple[MediaFile, bool]], name: object, *, named: bool
    ) -> None:
        """Print an ordinary file. A file that is not media makes the run fail only if it was `named`."""
        try:
            media, new = await file
        except NotMedia as error:
            self.refuse(name, error, fails=named)
        except (NotImportable, Conflict, StorageError) as error:
            self.refuse(name, error, fails=True)
        else:
            self.report(name, media, new=new)

    def refuse(self, name: object, error: Exception, *, fails: bool) -> None:
        """Print that a file was skipped or failed, and why."""
        self.failures, self.skipped = self.failures + fails, self.skipped + (not fails)
        text = f"{'failed' if fails else 'skipped'}  {name}: {error}"
        self.console.print(printable(text), markup=False, soft_wrap=True)

    def summarize(self) -> None:
        """Print how many files were added, known, skipped and failed."""
        parts = [f"{self.added} added", f"{self.known} known", f"{self.skipped} skipped", f"{self.failures} failed"]
        if self.pieces:
            parts.append(f"{self.pieces} pieces of sessions recognised")
        if self.unfinished:
            parts.append(f"{self.unfinished} unfinished, joined from pieces")
        self.console.print(", ".join(parts), markup=False, soft_wrap=True)


def _line(media: MediaFile) -> dict[str, object]:
    return {
        "recording_id": media.recording_id,
        "media_file_id": media.id,
        "raw_url": byte_path(media.recording_id, media.id),
        "size": media.size,
        "content_type": media.content_type,
        "duration_seconds": media.duration_seconds,
    }


def _minutes(seconds: float | None) -> str:
    return "no duration" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"
