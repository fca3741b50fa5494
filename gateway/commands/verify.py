"""`seekgate verify`: reads stored objects again, reports where the catalogue differs, and corrects it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn

from gateway.assembly.backends import Backends
from gateway.catalog import MediaFile
from gateway.catalog.media_audit import MediaAudit
from gateway.commands.bulk_work import MAX_CONCURRENT_PROBES, for_each, progress_bar
from gateway.commands.options import json_option, print_json, printable
from gateway.commands.with_backends import with_backends
from gateway.imports.object_audit import Finding, ObjectAudit
from gateway.media.prober import Prober

_PAGE: Final = 200
_WRONG: Final = {"missing", "unreadable"}


@click.command()
@with_backends
@click.option(
    "--all", "every", is_flag=True, help="Read every file, and not only those that are missing or have no length."
)
@click.option("--dry-run", is_flag=True, help="Report what differs, and change nothing.")
@json_option
async def verify(backends: Backends, *, every: bool, dry_run: bool, as_json: bool) -> int:
    """Read what is stored again, and correct the catalogue where it differs.

    A catalogue that an older version made gets the lengths and types that this version finds. Objects are only read. The
    exit code is 1 if a file is missing or cannot be read.
    """
    report = VerifyReport(as_json=as_json, dry_run=dry_run)
    prober = Prober(max_concurrent=MAX_CONCURRENT_PROBES + 1)
    work = ObjectAudit(backends.media_audit, backends.storages, prober, mend=not dry_run)
    with progress_bar(report.console, MofNCompleteColumn()) as progress:
        task = progress.add_task("verifying", total=await backends.media_audit.count_media(every=every))

        async def examine(media: MediaFile) -> None:
            report.report(await work.examine(media))
            progress.advance(task)

        await for_each(_media(backends.media_audit, every=every), examine, MAX_CONCURRENT_PROBES)
    report.summarize()
    return 1 if report.counts.keys() & _WRONG else 0


async def _media(audit: MediaAudit, *, every: bool) -> AsyncGenerator[MediaFile, None]:
    after = 0
    while page := await audit.list_media(after, limit=_PAGE, every=every):
        for media in page:
            yield media
        after = page[-1].id


@dataclass(slots=True)
class VerifyReport:
    """Prints a line for each file that differs from the catalogue, and the sums."""

    as_json: bool
    dry_run: bool
    counts: dict[str, int] = field(default_factory=dict)
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def report(self, finding: Finding) -> None:
        """Print one finding."""
        self.counts[finding.state] = self.counts.get(finding.state, 0) + 1
        if self.as_json:
            print_json(_line(finding))
        elif finding.state != "same":
            media = finding.media
            changes = ", ".join(f"{name}: {was} → {now}" for name, (was, now) in finding.differences.items())
            text = f"recording {media.recording_id} media {media.id}: {changes or finding.reason}"
            click.echo(printable(f"{finding.state}  {text}"))

    def summarize(self) -> None:
        """Print the sums."""
        sums = ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items())) or "nothing to verify"
        mended = "" if self.dry_run or "differs" not in self.counts else "; what differed was corrected"
        self.console.print(f"{sums}{mended}", markup=False, soft_wrap=True)


def _line(finding: Finding) -> dict[str, Any]:
    return {
        "recording_id": finding.media.recording_id,
        "media_file_id": finding.media.id,
        "state": finding.state,
        "differences": {name: {"was": was, "is": now} for name, (was, now) in finding.differences.items()},
        "reason": finding.reason or None,
    }
