"""What an import says: a line for each media file, one for each that was not taken in, and a bar.

Knows: the lines' shapes, and what counts as a failure. Refuses to know: where media comes from.
"""

import sys
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

from gateway.catalog import MediaFile
from gateway.commands.options import print_json
from gateway.protocol.byte_path import byte_path


@dataclass(slots=True)
class ImportReport:
    """`failures` counts what makes the run fail."""

    as_json: bool
    failures: int = 0
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def tell(self, name: object, media: MediaFile, *, new: bool) -> None:
        """It is in the catalogue now, or was already."""
        if self.as_json:
            print_json(_line(media))
            return
        added = "added" if new else "known"
        where = f"recording {media.recording_id} media {media.id}"
        click.echo(printable(f"{added}  {name}: {where} ({media.content_type}, {_minutes(media.duration_seconds)})"))

    def refuse(self, name: object, error: Exception, *, fails: bool) -> None:
        """It was skipped, or failed, for this reason."""
        self.failures += fails
        text = f"{'failed' if fails else 'skipped'}  {name}: {error}"
        self.console.print(printable(text), markup=False, soft_wrap=True)

    def progress(self, *columns: ProgressColumn) -> Progress:
        """A bar with these columns behind it, if somebody can see it."""
        # The bar belongs to stderr; what goes to a terminal on stdout is written above it, a pipe is left alone.
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *columns,
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            redirect_stdout=sys.stdout.isatty(),
        )


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


def printable(text: str) -> str:
    """The text as a terminal may show it: without control characters and bytes that are not UTF-8."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "�" for character in shown)
