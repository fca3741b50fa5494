"""Files and folders of this machine into the catalogue.

A file that was named and fails makes the run fail, and so does media that cannot be taken in. What is not media in a
folder is skipped, with its reason.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from rich.progress import DownloadColumn, TransferSpeedColumn

from gateway.catalog import MediaFile
from gateway.commands.import_report import ImportReport
from gateway.imports.destination import Destination
from gateway.imports.files import Ingest
from gateway.imports.local_files import LocalFile, find_files
from gateway.imports.sessions import SessionIngest, SessionMedia
from gateway.imports.vexa_tree import SessionFolder, SessionGroups


@dataclass(frozen=True, slots=True)
class FileImports:
    """One run over some paths."""

    destination: Destination
    report: ImportReport

    async def run(self, paths: tuple[Path, ...]) -> None:
        """Take everything in."""
        files = await asyncio.to_thread(self._collect, paths)
        total = await asyncio.to_thread(lambda: sum(file.size for file in files))
        with self.report.progress(DownloadColumn(), TransferSpeedColumn()) as progress:
            task = progress.add_task("importing", total=total)
            to = {each.name: getattr(self.destination, each.name) for each in fields(Destination)}
            ingest = Ingest(**to, report=lambda count: progress.advance(task, count))
            for entry in _grouped(files):
                if isinstance(entry, LocalFile):
                    await self.report.report_file(ingest.add(entry), entry.path, named=entry.folder is None)
                else:
                    await self.report.report_session(_add_session(ingest, entry), entry.path, entry.count_pieces())

    def _collect(self, paths: tuple[Path, ...]) -> list[LocalFile]:
        files: list[LocalFile] = []
        for path in paths:
            if path.is_dir():
                files += [LocalFile(found, folder=path) for found in find_files(path, self._refuse_folder)]
            else:
                files.append(LocalFile(path))
        return files

    def _refuse_folder(self, error: OSError) -> None:
        self.report.refuse(error.filename, error, fails=True)


def _grouped(files: list[LocalFile]) -> Iterator[SessionFolder[LocalFile] | LocalFile]:
    groups: SessionGroups[LocalFile] = SessionGroups()
    for file in files:
        if file.folder is None:  # a file that is named is meant as it is
            yield from groups.end()
            yield file
        else:
            yield from groups.take(str(file.path.absolute()), file)
    yield from groups.end()


async def _add_session(ingest: Ingest, session: SessionFolder[LocalFile]) -> list[SessionMedia]:
    async def add(file: LocalFile, recording_id: int | None, name: str) -> tuple[MediaFile, bool]:
        return await replace(ingest, recording_id=recording_id, name=name).add(file)

    async def join(pieces: Mapping[int, LocalFile], recording_id: int | None, name: str) -> tuple[MediaFile, bool]:
        return await replace(ingest, recording_id=recording_id).add_pieces(pieces, name)

    return [media async for media in SessionIngest(add, join).add_session(session)]
