"""import: files and folders into the catalogue.

Knows: what is said of each file, and what makes the run fail: a file that was named, or one that is
media and could not be taken in. What is not media in a folder is skipped, with its reason.
Refuses to know: how a file is taken in.
"""

import asyncio
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from gateway.backends import Backends
from gateway.catalog import MediaFile, NewMeeting, Owner
from gateway.commands.backends import run_with_backends
from gateway.commands.options import Email, config_option, json_option, print_json, read_config
from gateway.errors import Conflict
from gateway.formats import NotMedia
from gateway.ingest import Ingest, NotImportable, find_files
from gateway.storage import Storage
from storage_adapters.base import StorageError


@click.command("import")
@config_option
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--user", "email", type=Email(), required=True, help="Whose they become; the user is made if unknown.")
@click.option("--storage", "storage_name", metavar="NAME", help="Where they go, instead of default_storage.")
@click.option("--platform", help="The platform of the meeting they belong to, like google_meet.")
@click.option("--meeting", help="The meeting's id on its platform.")
@json_option
def import_files(
    *,
    config_path: Path | None,
    paths: tuple[Path, ...],
    email: str,
    storage_name: str | None,
    platform: str | None,
    meeting: str | None,
    as_json: bool,
) -> int:
    """Take media files, and folders of them, into the catalogue."""
    if (platform is None) != (meeting is None):
        raise click.UsageError("--platform and --meeting belong together")
    config = read_config(config_path)
    belongs_to = NewMeeting(platform, meeting) if platform and meeting else None

    async def run(backends: Backends) -> int:
        storage = _storage(backends, storage_name or config.default_storage)
        owner = Owner(await backends.api_keys.ensure_user(email))
        imports = Imports(Ingest(backends.catalog, storage, owner, belongs_to), as_json=as_json)
        return await imports.run(paths)

    return run_with_backends(config, run)


@dataclass(slots=True)
class Imports:
    """One run over some paths; `failures` counts what makes it fail."""

    ingest: Ingest
    as_json: bool
    failures: int = 0
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    async def run(self, paths: tuple[Path, ...]) -> int:
        """Take everything in; the exit code."""
        files = await asyncio.to_thread(self._collect, paths)
        total = await asyncio.to_thread(lambda: sum(_size(path) for path, _ in files))
        with _progress(self.console) as progress:
            task = progress.add_task("importing", total=total)
            ingest = replace(self.ingest, report=lambda count: progress.advance(task, count))
            for path, named in files:
                await self._add(ingest, path, named=named)
        return 1 if self.failures else 0

    def _collect(self, paths: tuple[Path, ...]) -> list[tuple[Path, bool]]:
        """Every file, and whether it was named (and not found in a folder)."""
        files: list[tuple[Path, bool]] = []
        for path in paths:
            if path.is_dir():
                files += [(found, False) for found in find_files(path, self._refuse_folder)]
            else:
                files.append((path, True))
        return files

    async def _add(self, ingest: Ingest, path: Path, *, named: bool) -> None:
        try:
            media, new = await ingest.add(path)
        except NotMedia as error:
            self._refuse(path, error, fails=named)
        except (NotImportable, Conflict, StorageError) as error:
            self._refuse(path, error, fails=True)
        else:
            self._tell(path, media, new=new)

    def _refuse_folder(self, error: OSError) -> None:
        self._refuse(Path(error.filename), error, fails=True)

    def _refuse(self, path: Path, error: Exception, *, fails: bool) -> None:
        self.failures += fails
        text = f"{'failed' if fails else 'skipped'}  {path}: {error}"
        self.console.print(_printable(text), markup=False, soft_wrap=True)

    def _tell(self, path: Path, media: MediaFile, *, new: bool) -> None:
        if self.as_json:
            print_json(_line(media))
            return
        added = "added" if new else "known"
        where = f"recording {media.recording_id} media {media.id}"
        click.echo(_printable(f"{added}  {path}: {where} ({media.content_type}, {_minutes(media.duration_seconds)})"))


def _storage(backends: Backends, name: str) -> Storage:
    storage = backends.storages.get(name)
    if storage is None:
        raise click.ClickException(f"no storage is called {name!r}; there are: {', '.join(backends.storages)}")
    return storage


def _progress(console: Console) -> Progress:
    # The bar belongs to stderr; what goes to a terminal on stdout is written above it, a pipe is left alone.
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    on_terminal = sys.stdout.isatty()
    return Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=on_terminal
    )


def _line(media: MediaFile) -> dict[str, object]:
    return {
        "recording_id": media.recording_id,
        "media_file_id": media.id,
        "raw_url": f"/recordings/{media.recording_id}/media/{media.id}/raw",
        "size": media.size,
        "content_type": media.content_type,
        "duration_seconds": media.duration_seconds,
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is told of when its turn comes
        return 0


def _minutes(seconds: float | None) -> str:
    return "no duration" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _printable(text: str) -> str:
    # File names are bytes; a terminal takes only text, and control characters would speak to it.
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "�" for character in shown)
