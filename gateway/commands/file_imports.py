"""Imports files and folders of this machine.

The run fails if a named file fails, or if media cannot be imported. Files in a folder that are not media are skipped, with
the reason. A transcript beside a media file (the same name with another suffix) becomes the transcript of its recording
if that is new.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.progress import DownloadColumn, TransferSpeedColumn

from gateway.catalog import MediaFile, Segment
from gateway.catalog.edits import RecordingEdits
from gateway.commands.bulk_work import progress_bar
from gateway.commands.import_report import ImportReport
from gateway.imports.files import FileImporter
from gateway.imports.local_files import LocalFile, NotImportable, find_files
from gateway.imports.sessions import SessionImporter
from gateway.imports.vexa_tree import SessionFolder, SessionGroups
from gateway.media.captions import MAX_BYTES, SUFFIXES, parse_captions
from gateway.media.cues import BadCaptions
from gateway.media.facts import NotMedia


@dataclass(frozen=True, slots=True)
class FileImports:
    """One run over some paths."""

    importer: FileImporter
    report: ImportReport
    edits: RecordingEdits

    async def run(self, paths: tuple[Path, ...]) -> None:
        """Import all files of these paths."""
        files = await asyncio.to_thread(self._collect, paths)
        captions = {} if self.importer.meeting is not None else _captions(files)
        transcripts = set(captions.values())
        files = [file for file in files if file not in transcripts]
        total = await asyncio.to_thread(lambda: sum(file.size for file in files))
        with progress_bar(self.report.console, DownloadColumn(), TransferSpeedColumn()) as progress:
            task = progress.add_task("importing", total=total)
            importer = replace(self.importer, report=lambda count: progress.advance(task, count))
            sessions: SessionImporter[LocalFile] = SessionImporter(partial(replace, importer))
            for entry in _grouped(files):
                if isinstance(entry, LocalFile):
                    added = self._add(importer, entry, captions.get(_stem(entry)))
                    await self.report.report_file(added, entry.path, named=entry.folder is None)
                else:
                    await self.report.report_session(sessions.add_session(entry), entry.path, entry.count_pieces())

    async def _add(self, importer: FileImporter, file: LocalFile, captions: LocalFile | None) -> tuple[MediaFile, bool]:
        media, new = await importer.add(file)
        if new and captions is not None:
            try:
                segments = await _parsed(captions)
                await self.edits.replace_transcript(importer.owner, media.recording_id, segments)
            except (BadCaptions, NotImportable, NotMedia) as error:
                self.report.refuse(captions.path, error, fails=False)
        return media, new

    def _collect(self, paths: tuple[Path, ...]) -> list[LocalFile]:
        def refuse(error: OSError) -> None:
            self.report.refuse(error.filename, error, fails=True)

        files: list[LocalFile] = []
        for path in paths:
            found = (LocalFile(each, folder=path) for each in find_files(path, refuse))
            files += found if path.is_dir() else [LocalFile(path)]
        return files


def _stem(file: LocalFile) -> Path:
    return file.path.with_suffix("")


def _captions(files: list[LocalFile]) -> dict[Path, LocalFile]:
    """The transcripts that are beside a media file, by the path that both have without a suffix."""
    media = [file for file in files if file.path.suffix.lower() not in SUFFIXES]
    beside = (file.path.with_suffix(suffix) for file in media if file.folder is None for suffix in SUFFIXES)
    found = {_stem(file): file for file in map(LocalFile, beside) if file.path.is_file()}
    stems = {_stem(file) for file in media}
    given = (file for file in files if file.path.suffix.lower() in SUFFIXES)
    return found | {_stem(file): file for file in given if _stem(file) in stems}


async def _parsed(captions: LocalFile) -> Sequence[Segment]:
    """Raises BadCaptions, NotMedia or NotImportable."""
    async with captions.opened() as opened:
        if opened.stat.size > MAX_BYTES:
            raise BadCaptions(f"The transcript has {opened.stat.size} bytes, and at most {MAX_BYTES} are accepted")
        body = b"".join([chunk async for chunk in opened.read(0, opened.stat.size)])
    return parse_captions(SUFFIXES[captions.path.suffix.lower()], body)


def _grouped(files: list[LocalFile]) -> Iterator[SessionFolder[LocalFile] | LocalFile]:
    groups: SessionGroups[LocalFile] = SessionGroups()
    for file in files:
        if file.folder is None:  # not part of a session: it is named
            yield from groups.end()
            yield file
        else:
            yield from groups.take(str(file.folder.resolve() / file.path.relative_to(file.folder)), file)
    yield from groups.end()
