"""Files and folders of this machine into the catalogue.

Knows: what makes the run fail: a file that was named, or one that is media and could not be taken in. What is
not media in a folder is skipped, with its reason. Refuses to know: how a file is taken in.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rich.progress import DownloadColumn, TransferSpeedColumn

from gateway.commands.import_report import ImportReport
from gateway.errors import Conflict
from gateway.imports.destination import Destination
from gateway.imports.files import Ingest, NotImportable, find_files
from gateway.media.facts import NotMedia
from storage_adapters.base import StorageError


@dataclass(frozen=True, slots=True)
class FileImports:
    """One run over some paths."""

    destination: Destination
    report: ImportReport

    async def run(self, paths: tuple[Path, ...]) -> None:
        """Take everything in."""
        files = await asyncio.to_thread(self._collect, paths)
        total = await asyncio.to_thread(lambda: sum(_size(path) for path, _ in files))
        to = self.destination
        with self.report.progress(DownloadColumn(), TransferSpeedColumn()) as progress:
            task = progress.add_task("importing", total=total)
            ingest = Ingest(
                to.catalog,
                to.storage,
                to.owner,
                to.prober,
                to.meeting,
                report=lambda count: progress.advance(task, count),
            )
            for path, named in files:
                await self._add(ingest, path, named=named)

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
            self.report.refuse(path, error, fails=named)
        except (NotImportable, Conflict, StorageError) as error:
            self.report.refuse(path, error, fails=True)
        else:
            self.report.tell(path, media, new=new)

    def _refuse_folder(self, error: OSError) -> None:
        self.report.refuse(error.filename, error, fails=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is told of when its turn comes
        return 0
